#include "injector/host.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "injector/attach.h"
#include "injector/remote.h"
#include "tests/unit/fixture.h"

static void *tell(void *fd)
{
	if (write(*(int *)fd, "", 1) == 1)
		for (;;)
			pause();
	return NULL;
}

/* A child with two threads, both asleep. */
static struct hi_host *begin(void)
{
	struct hi_host *host = NULL;
	struct hi_err err;
	pthread_t thread;
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, tell, &ends[1]) == 0)
			pthread_join(thread, NULL);
		_exit(1);
	}
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	if (hi_attach(pid, &host, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	ck_assert_uint_eq(HASH_COUNT(host->threads), 2);
	return host;
}

static bool is_zombie(pid_t pid, const char *tid)
{
	char path[300], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	state = strrchr(text, ')');
	return state && !strncmp(state, ") Z", 3);
}

/* Its threads have ended, and nobody has waited for any of them. */
static bool has_ended(pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	int n = 0, n_zombies = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		n++;
		n_zombies += is_zombie(pid, entry->d_name);
	}
	closedir(tasks);
	ck_assert_int_eq(n, 2);
	return n == n_zombies;
}

static void kill_all(const struct hi_host *host)
{
	ck_assert_int_eq(kill(host->pid, SIGKILL), 0);
	while (!has_ended(host->pid))
		sched_yield();
}

static void expect_end(struct hi_host *host)
{
	ck_assert(!host->ended);
	hi_host_pump(host);
	ck_assert(host->ended);
	ck_assert(WIFSIGNALED(host->status));
	ck_assert_int_eq(WTERMSIG(host->status), SIGKILL);
	ck_assert_ptr_null(host->threads);
	hi_host_free(host);
}

/* waitpid(2) does not tell of the first thread while the other is to be waited for. */
START_TEST(the_first_thread_of_a_host_that_was_killed_is_gone_not_busy)
{
	struct hi_host *host = begin();
	struct hi_err err;

	kill_all(host);
	ck_assert_int_eq(
		hi_host_hold(host, hi_host_find_thread(host, host->pid), &err),
		HI_E_GONE);
	expect_end(host);
}
END_TEST

START_TEST(a_wait_for_a_stop_ends_with_the_host_and_leaves_it_the_end)
{
	struct hi_host *host = begin();

	kill_all(host);
	ck_assert_int_eq(hi_tracee_await(host->pid).kind, HI_STOP_ENDED);
	expect_end(host);
}
END_TEST

START_TEST(a_host_that_was_killed_has_no_memory_that_could_be_bad)
{
	static long word;
	struct hi_host *host = begin();
	struct hi_err err;
	long read = 0;

	ck_assert_int_eq(hi_remote_poke(host, (uint64_t)&word, &word,
					sizeof(word), &err),
			 0);
	kill_all(host);
	ck_assert_int_eq(hi_remote_poke(host, (uint64_t)&word, &word,
					sizeof(word), &err),
			 HI_E_GONE);
	ck_assert_int_eq(hi_remote_read(host, (uint64_t)&word, &read,
					sizeof(read), &err),
			 HI_E_GONE);
	expect_end(host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host");
	TCase *tcase = tcase_create("host");

	tcase_add_test(
		tcase,
		the_first_thread_of_a_host_that_was_killed_is_gone_not_busy);
	tcase_add_test(
		tcase,
		a_wait_for_a_stop_ends_with_the_host_and_leaves_it_the_end);
	tcase_add_test(tcase,
		       a_host_that_was_killed_has_no_memory_that_could_be_bad);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
