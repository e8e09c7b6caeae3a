/*
 * Reloads, crashes, hangs and rollbacks at random, in a host whose threads call the
 * worker all the time: results stay right, and nothing is left behind, neither in the
 * host nor in hotinject.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support_scene.h"

#define WORKER "libworker.so"

enum {
	N_FILES = 9, /* those with odd numbers crash and hang */
	N_THREADS = 16,
	SECONDS = 12, /* HOTINJECT_TEST_SOAK */
	ROUNDS = 4000,
	WARM = 4,         /* the first of so many parts is not looked at */
	KB_A_BUILD = 300, /* the host's, with one set of mappings */
	KB_A_STEP = 40,   /* hotinject's: what history keeps */
	MAPS_BESIDES = 8, /* stacks of threads come and go */
	KB_AT_ALL = 4096,
	FDS_BESIDES = 2,
	MOMENT_NS = 2000000,
};

struct soak {
	struct support *scene;
	unsigned int seed;
	long file, on_disk; /* what runs; what was put in place last */
	long n_builds, n_back, n_crashes, n_rough, n_hangs, n_steps;
};

/* What a process holds. */
struct holding {
	long fds, threads, maps, kb;
};

/* --- what is held ------------------------------------------------------------------ */

static long count_entries(pid_t pid, const char *what)
{
	char path[64];
	const struct dirent *entry;
	long n = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n;
}

/* Mappings that are no build's. */
static long count_maps(pid_t pid)
{
	char path[64], line[5000];
	FILE *file;
	long n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		n += !strstr(line, "/libworker.");
	fclose(file);
	return n;
}

static long get_kb(pid_t pid)
{
	long size, resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct holding look(pid_t pid)
{
	return (struct holding){ count_entries(pid, "fd"),
				 count_entries(pid, "task"), count_maps(pid),
				 get_kb(pid) };
}

static void tell(const char *who, const struct holding *before,
		 const struct holding *after, long n_builds, long n_steps)
{
	printf("soak: %s: descriptors %ld -> %ld, threads %ld -> %ld, mappings "
	       "besides builds %ld -> %ld, memory %ld -> %ld KB "
	       "(%ld builds, %ld steps)\n",
	       who, before->fds, after->fds, before->threads, after->threads,
	       before->maps, after->maps, before->kb, after->kb, n_builds,
	       n_steps);
	fflush(stdout);
}

/* --- what is done ------------------------------------------------------------------ */

static long ask(struct soak *soak, const char *question, const char *name)
{
	return support_number(soak->scene, support_ask(soak->scene, question),
			      name);
}

static void check(struct soak *soak)
{
	const char *line = support_ask(soak->scene, "value");

	if (support_number(soak->scene, line, "wrong") != 0 ||
	    support_number(soak->scene, line, "build") < 1 ||
	    support_number(soak->scene, line, "build") > N_FILES ||
	    support_number(soak->scene, line, "callback") !=
		    support_number(soak->scene, line, "build"))
		support_fail(soak->scene, "%s", line);
}

static void let_pass(long ns)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec -
		       start.tv_nsec <
	       ns);
}

static void await(struct soak *soak, const char *question, const char *name,
		  long number)
{
	for (int i = 0; i < ROUNDS && ask(soak, question, name) != number; i++)
		let_pass(MOMENT_NS);
	ck_assert_int_eq(ask(soak, question, name), number);
}

/* Another file than what runs, and than the one that is there. */
static void reload(struct soak *soak)
{
	long file = 1 + rand_r(&soak->seed) % N_FILES;
	char name[32];

	if (file == soak->file || file == soak->on_disk)
		return;
	snprintf(name, sizeof(name), "worker.%ld.so", file);
	support_put(soak->scene, name, WORKER, SUPPORT_RENAME);
	await(soak, "value", "build", file);
	soak->file = soak->on_disk = file;
	soak->n_builds++;
}

/* The first build has none before it. */
static void go_back(struct soak *soak)
{
	support_shell(soak->scene,
		      "$HOTINJECT rollback >said 2>&1; s=$?; cat said; "
		      "test $s = 0 || grep -q 'none was live before' said");
	soak->file = ask(soak, "value", "build");
	soak->n_builds++;
	soak->n_back++;
}

/* Held functions give zero, others 1 or a crash. */
static void crash(struct soak *soak)
{
	ck_assert_int_eq(ask(soak, "risk", "risk"), soak->file % 2 == 0);
	soak->n_crashes += soak->file % 2;
}

static void crash_all(struct soak *soak)
{
	(void)support_ask(soak->scene, "all");
	soak->n_rough++;
	await(soak, "value", "risked", N_THREADS * soak->n_rough);
	soak->n_crashes += soak->file % 2;
}

/* Taken out by hand, or by a reload and --hang. */
static void hang(struct soak *soak)
{
	bool by_hand = rand_r(&soak->seed) % 4;

	(void)support_ask(soak->scene, "hang");
	soak->n_hangs += soak->file % 2;
	/* to one that does not hang: the thread may begin as late as there */
	while (!by_hand && soak->file % 2)
		reload(soak);
	for (int i = 0; by_hand && i < ROUNDS && ask(soak, "hung", "hangs");
	     i++)
		support_shell(soak->scene,
			      "$HOTINJECT kick >said 2>&1 || cat said");
	await(soak, "hung", "hangs", 0);
}

static void step(struct soak *soak)
{
	static void (*const steps[])(struct soak *) = {
		reload, reload, reload,    reload, go_back,
		crash,  crash,  crash_all, hang,
	};

	steps[(unsigned int)rand_r(&soak->seed) %
	      (sizeof(steps) / sizeof(*steps))](soak);
	soak->n_steps++;
	check(soak);
}

/* --- from the beginning to the end --------------------------------------------------- */

static void begin(struct soak *soak)
{
	struct support *scene = support_new("soak");

	soak->scene = scene;
	support_shell(scene,
		      "src=%s; for n in $(seq %d); do gcc -g -O2 -fPIC -shared "
		      "$(test $((n %% 2)) = 0 || echo -DBAD) -DBUILD=$n "
		      "-Wl,-soname," WORKER " -o worker.$n.so $src/worker.c; "
		      "done; cp worker.1.so " WORKER "; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/rescue"), N_FILES);
	support_start_plain(scene, "./host", "16", NULL);
	(void)support_ask(scene, "value");
	support_attach(scene, "--hang=1", WORKER, NULL);
	support_event(scene, "ready");
	support_forget_events(scene);
	soak->file = soak->on_disk = 1;
}

/* Threads of reloads linger for a second. */
static struct holding look_at_rest(struct soak *soak, pid_t pid, long n_threads)
{
	for (int i = 0; i < ROUNDS && count_entries(pid, "task") > n_threads;
	     i++)
		let_pass(MOMENT_NS);
	check(soak);
	return look(pid);
}

static void compare(const char *who, const struct holding *before,
		    const struct holding *after, long kb)
{
	if (after->fds > before->fds + FDS_BESIDES)
		ck_abort_msg("%s has more descriptors", who);
	if (after->threads > before->threads)
		ck_abort_msg("%s has more threads", who);
	if (after->maps > before->maps + MAPS_BESIDES)
		ck_abort_msg("%s has more mappings", who);
	if (after->kb > before->kb + kb + KB_AT_ALL)
		ck_abort_msg("%s has more memory", who);
}

/* What was counted in the worker is what was called. */
static void expect_sum(struct soak *soak)
{
	const char *line = support_ask(soak->scene, "sum");
	long all = support_number(soak->scene, line, "all");
	long added = support_number(soak->scene, line, "added");

	if (all < added ||
	    all > added + support_number(soak->scene, line, "unsure"))
		support_fail(soak->scene, "%s", line);
}

static void run_until(struct soak *soak, uint64_t end_ms)
{
	while (support_now_ms() < end_ms)
		step(soak);
}

static void look_twice(struct soak *soak, uint64_t ms)
{
	pid_t host = support_get_pid(soak->scene);
	pid_t tool = support_get_attached(soak->scene);
	uint64_t start_ms = support_now_ms();
	struct holding host_before, host_after, before, after;
	long n_builds, n_steps;

	run_until(soak, start_ms + ms / WARM);
	host_before = look_at_rest(soak, host, N_THREADS + 1);
	before = look(tool);
	n_builds = soak->n_builds;
	n_steps = soak->n_steps;
	run_until(soak, start_ms + ms);
	host_after = look_at_rest(soak, host, N_THREADS + 1);
	after = look(tool);
	n_builds = soak->n_builds - n_builds;
	n_steps = soak->n_steps - n_steps;
	tell("the host", &host_before, &host_after, n_builds, n_steps);
	tell("hotinject", &before, &after, n_builds, n_steps);
	compare("the host", &host_before, &host_after, n_builds * KB_A_BUILD);
	compare("hotinject", &before, &after, n_steps * KB_A_STEP);
}

START_TEST(a_host_is_right_and_whole_after_all_that_can_happen)
{
	const char *length = getenv("HOTINJECT_TEST_SOAK");
	const char *first = getenv("HOTINJECT_TEST_SEED");
	struct soak soak = { .seed = (unsigned int)getpid() };

	if (first)
		soak.seed = (unsigned int)strtoul(first, NULL, 10);
	printf("soak: HOTINJECT_TEST_SEED=%u\n", soak.seed);
	begin(&soak);
	look_twice(&soak, 1000 * (uint64_t)(length ? atol(length) : SECONDS));
	expect_sum(&soak);
	printf("soak: %ld steps: %ld builds live, %ld of them gone back to, "
	       "%ld crashes, %ld hangs\n",
	       soak.n_steps, soak.n_builds, soak.n_back, soak.n_crashes,
	       soak.n_hangs);
	ck_assert_int_eq(support_detach(soak.scene), 0);
	check(&soak);
	ck_assert_int_eq(support_end(soak.scene), 0);
	support_free(soak.scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *soak = support_tcase(suite, "soak");

	tcase_set_timeout(soak, 36000);
	tcase_add_test(soak,
		       a_host_is_right_and_whole_after_all_that_can_happen);
}

int main(void)
{
	return support_main("e2e_soak", add);
}
