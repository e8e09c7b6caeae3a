#include "tests/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support_scene.h"

enum {
	TEST_LIMIT_S = 300, /* of a test; each wait in it has its own */
	WAIT_LIMIT_S = 10,
};

/*
 * The folder of all scenes of this program. Tests run in forked children that
 * only inherit it.
 */
static char base_folder[200];

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return flag == FTW_DP ? rmdir(path) : unlink(path);
}

static void remove_folder(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void print_file(const char *folder, const char *name)
{
	char path[600], bytes[4096];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		return;
	printf("--- %s\n", name);
	while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
		fwrite(bytes, 1, len, stdout);
	fclose(file);
}

/* A scene whose test passed has removed its folder itself. */
static void print_leftovers(void)
{
	struct dirent *entry;
	char path[500];
	DIR *folder = opendir(base_folder);

	while (folder && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", base_folder,
			 entry->d_name);
		printf("=== what is left of %s\n", entry->d_name);
		print_file(path, "log");
		print_file(path, "stderr");
		print_file(path, "events");
	}
	if (folder)
		closedir(folder);
}

int support_main(const char *name, void (*add)(Suite *suite))
{
	const char *tmp = getenv("TMPDIR");
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int n_failed;

	snprintf(base_folder, sizeof(base_folder), "%s/hotinject-test.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(base_folder)) {
		perror(base_folder);
		return EXIT_FAILURE;
	}
	/* what has no debug information is to have none */
	unsetenv("DEBUGINFOD_URLS");
	/* nohup(1) ignores the first, a shell the others for what it starts with
	   &, and what a host ignores does not end it */
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	add(suite);
	srunner_run_all(runner, CK_ENV);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (n_failed)
		print_leftovers();
	if (!n_failed || !getenv("HOTINJECT_TEST_KEEP"))
		remove_folder(base_folder);
	return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

TCase *support_tcase(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, TEST_LIMIT_S);
	suite_add_tcase(suite, tcase);
	return tcase;
}

struct support *support_new(const char *name)
{
	struct support *scene = calloc(1, sizeof(*scene));
	const char *tool = getenv("HOTINJECT");

	ck_assert_ptr_nonnull(scene);
	scene->kept = json_array();
	scene->events = json_array();
	scene->forks = json_array();
	scene->pidfd = scene->in_fd = scene->out_fd = scene->inotify_fd = -1;
	ck_assert_ptr_nonnull(getcwd(scene->root, sizeof(scene->root)));
	if (!tool)
		tool = "build/hotinject";
	snprintf(scene->tool, sizeof(scene->tool), "%s%s%s",
		 *tool == '/' ? "" : scene->root, *tool == '/' ? "" : "/",
		 tool);
	snprintf(scene->folder, sizeof(scene->folder), "%s/%.40s-%d",
		 base_folder, name, (int)getpid());
	ck_assert_msg(mkdir(scene->folder, 0755) == 0, "mkdir %s: %s",
		      scene->folder, strerror(errno));
	ck_assert_int_eq(mkdir(support_path(scene, "run"), 0700), 0);
	/* The session keeps its files in the scene, where they are counted. */
	setenv("XDG_RUNTIME_DIR", support_path(scene, "run"), 1);
	return scene;
}

void support_use_tool(struct support *scene, const char *name)
{
	snprintf(scene->tool, sizeof(scene->tool), "%s",
		 support_path(scene, name));
}

void support_use_tool_as_nobody(struct support *scene)
{
	support_write(scene, "as-nobody",
		      "#!/bin/sh\n"
		      "exec setpriv --reuid=65534 --regid=65534 --clear-groups"
		      " tool/hotinject \"$@\"\n");
	support_shell(scene,
		      "mkdir tool && cp '%s' \"$(dirname '%s')\"/*.so tool &&"
		      " chmod 755 . .. as-nobody && chown -R 65534:65534 .",
		      scene->tool, scene->tool);
	support_use_tool(scene, "as-nobody");
}

void support_free(struct support *scene)
{
	if (!scene)
		return;
	support_kill(scene);
	remove_folder(scene->folder);
	json_decref(scene->kept);
	json_decref(scene->events);
	json_decref(scene->forks);
	free(scene->out);
	free(scene->line);
	free(scene);
}

void support_fail(struct support *scene, const char *format, ...)
{
	char sentence[2000];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	support_log(scene, "failed", sentence);
	ck_abort_msg("%s%s", scene->place, sentence);
	abort();
}

const char *support_keep(struct support *scene, const char *text)
{
	json_t *string = json_stringn_nocheck(text, strlen(text));

	ck_assert_int_eq(json_array_append_new(scene->kept, string), 0);
	return json_string_value(string);
}

void support_set_place(struct support *scene, const char *file,
		       unsigned int line)
{
	snprintf(scene->place, sizeof(scene->place), "%s:%u: ", file, line);
}

void support_log(struct support *scene, const char *who, const char *text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", scene->folder);
	file = fopen(path, "a");
	if (!file)
		return;
	fprintf(file, "%s: %s\n", who, text);
	fclose(file);
}

uint64_t support_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t support_deadline(void)
{
	const char *limit = getenv("HOTINJECT_TEST_DEADLINE");
	unsigned long limit_s = limit ? strtoul(limit, NULL, 10) : 0;

	return support_now_ms() + 1000 * (limit_s ? limit_s : WAIT_LIMIT_S);
}

bool support_poll(struct support *scene, int fd, uint64_t deadline,
		  const char *what)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = scene->pidfd, .events = POLLIN } };

	for (;;) {
		uint64_t now = support_now_ms();
		int n;

		if (now >= deadline)
			support_fail(scene, "no %s before the deadline", what);
		n = poll(fds, 2, (int)(deadline - now));
		if (n < 0 && errno != EINTR)
			support_fail(scene, "poll: %s", strerror(errno));
		if (n <= 0)
			continue;
		return fds[0].revents != 0;
	}
}
