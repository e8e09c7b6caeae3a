#include "injector/held_locks.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/crashed.h"
#include "tests/unit/fixture.h"

static void give_up(struct hi_crashed_shared *shared)
{
	(void)shared;
	abort();
}

/* Main has nothing to do. */
static void idle(struct hi_crashed_shared *shared)
{
	(void)shared;
}

/* The worker, as this process and the host that it forks have it. */
struct library {
	struct hi_fixture fx;
	struct hi_worker *worker;
	const char *path;
	void *handle;
};

static void (*take_locks)(void);

static const char worker_source[] =
	"#define _GNU_SOURCE\n"
	"#include <pthread.h>\n"
	"static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;\n"
	"static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;\n"
	"static pthread_mutex_t deep_lock =\n"
	"	PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;\n"
	"static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;\n"
	"static pthread_rwlock_t read_lock = PTHREAD_RWLOCK_INITIALIZER;\n"
	"struct { long n; pthread_mutex_t lock; } list;\n"
	"void take_locks(void)\n"
	"{\n"
	"	pthread_mutex_lock(&queue_lock);\n"
	"	pthread_mutex_lock(&deep_lock);\n"
	"	pthread_mutex_lock(&deep_lock);\n"
	"	pthread_mutex_lock(&list.lock);\n"
	"	pthread_rwlock_wrlock(&table_lock);\n"
	"	pthread_rwlock_rdlock(&read_lock);\n"
	"	pthread_mutex_lock(&free_lock);\n"
	"	pthread_mutex_unlock(&free_lock);\n"
	"	*(volatile char *)8 = 1;\n"
	"}\n";

static void load(struct library *library)
{
	hi_fixture_init(&library->fx);
	library->path = hi_fixture_library(&library->fx, "libworker.so",
					   "gcc -O1 -g", worker_source);
	library->handle = dlopen(library->path, RTLD_NOW);
	ck_assert_ptr_nonnull(library->handle);
	take_locks = (void (*)(void))dlsym(library->handle, "take_locks");
	ck_assert(take_locks != NULL);
}

/* Once the host is forked, which is not to have the file mapped twice. */
static void adopt(struct library *library)
{
	struct hi_build *build;
	struct hi_err err;
	Dl_info info;

	ck_assert(dladdr((void *)take_locks, &info) != 0);
	ck_assert_int_eq(hi_worker_new(library->path, &library->worker, &err),
			 0);
	ck_assert_int_eq(hi_build_open(library->path, library->path, 1, &build,
				       &err),
			 0);
	ck_assert_int_eq(hi_build_scan(build, &err), 0);
	build->base_remote = (uint64_t)info.dli_fbase;
	ck_assert_int_eq(hi_worker_adopt(library->worker, build, &err), 0);
}

static void unload(struct library *library)
{
	hi_worker_free(library->worker);
	dlclose(library->handle);
	hi_fixture_done(&library->fx);
}

static void crash_with_locks(struct hi_crashed_shared *shared)
{
	(void)shared;
	take_locks();
}

/* One in the heap, and one that is this thread's no longer. */
static void lock_in_heap(struct hi_crashed_shared *shared)
{
	pthread_mutex_t *mutex = calloc(1, sizeof(pthread_mutex_t));
	pthread_mutex_t *other = calloc(1, sizeof(pthread_mutex_t));

	shared->mutex = (uint64_t)mutex;
	pthread_mutex_lock(mutex);
	pthread_mutex_lock(other);
	pthread_mutex_unlock(other);
}

static bool has(const struct hi_held_locks *locks, const char *what)
{
	for (size_t i = 0; i < locks->n; i++)
		if (!strcmp(locks->list[i].what, what))
			return true;
	return false;
}

START_TEST(what_the_thread_holds_is_named)
{
	static const struct hi_crashed_story story = {
		.before = lock_in_heap,
		.crash = { crash_with_locks },
		.use = idle
	};
	struct hi_crashed subject;
	struct library library;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;
	char in_heap[64];

	load(&library);
	hi_crashed_begin(&subject, &story);
	adopt(&library);
	hi_crashed_read(&subject, 0, &crash);
	crash.call.worker = library.worker;
	hi_held_locks_find(&crash.call, &locks);
	ck_assert_uint_eq(locks.n, 0);
	hi_held_locks_look(&crash.call, 0, &locks);
	ck_assert_uint_eq(locks.n, 4);
	ck_assert(has(&locks, "mutex queue_lock"));
	ck_assert(has(&locks, "mutex deep_lock"));
	ck_assert(has(&locks, "mutex list+0x8"));
	ck_assert(has(&locks, "rwlock table_lock"));
	for (size_t i = 0; i < locks.n; i++)
		ck_assert(locks.list[i].in_variable && !locks.list[i].settled);
	hi_held_locks_look(&crash.call, 64UL << 20, &locks);
	snprintf(in_heap, sizeof(in_heap), "mutex at %#lx",
		 subject.shared->mutex);
	ck_assert_uint_eq(locks.n, 5);
	ck_assert(has(&locks, in_heap));
	ck_assert(!locks.list[4].in_variable);
	hi_crashed_end(&subject);
	unload(&library);
}
END_TEST

/* Nothing of another thread's. */
START_TEST(a_thread_without_locks_is_said_to_hold_none)
{
	static const struct hi_crashed_story story = {
		.crash = { crash_with_locks, give_up }, .use = idle
	};
	struct hi_crashed subject;
	struct library library;
	struct hi_held_locks locks = { 0 };
	struct hi_crash crash;

	load(&library);
	hi_crashed_begin(&subject, &story);
	adopt(&library);
	hi_crashed_read(&subject, 1, &crash);
	crash.call.worker = library.worker;
	hi_held_locks_look(&crash.call, 64UL << 20, &locks);
	ck_assert_uint_eq(locks.n, 0);
	hi_crashed_end(&subject);
	unload(&library);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tcase;

	if (HI_CRASHED_IS_SANITIZED)
		return 0;
	suite = suite_create("held_locks_look");
	tcase = tcase_create("held_locks_look");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_the_thread_holds_is_named);
	tcase_add_test(tcase, a_thread_without_locks_is_said_to_hold_none);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
