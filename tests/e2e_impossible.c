/*
 * Programs and workers that hotinject cannot work with: each is told in one sentence,
 * and has its exit status.
 */
#include <stdlib.h>

#include "tests/support_case.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/launched"

static struct support *make(const char *name)
{
	struct support *scene = support_new(name);

	support_compile_worker(scene, STORY, &support_plain_variant, "", 1);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	return scene;
}

static const struct impossible {
	const char *prepare; /* a command */
	const char *host, *worker;
	int status;
	const char *message;
} impossibles[] = {
	{ "true", "no-such-host", WORKER, 127,
	  "^hotinject: no-such-host was not found in PATH$" },
	{ "true", "./no-such-host", WORKER, 127,
	  "^hotinject: ./no-such-host cannot be started: No such file or "
	  "directory$" },
	{ "echo text > plain && chmod 644 plain", "./plain", WORKER, 126,
	  "^hotinject: ./plain cannot be started: it is not executable$" },
	{ "mkdir folder", "./folder", WORKER, 126,
	  "^hotinject: ./folder cannot be started: it is a directory$" },
	{ "head -c 100 host > short && chmod 755 short", "./short", WORKER, 126,
	  "^hotinject: ./short " },
	{ "echo 'int main(void){return 0;}' > s.c && gcc -static -o still s.c",
	  "./still", WORKER, 125, "^hotinject: ./still is statically linked" },
	{ "echo 'int main(void){return 0;}' > s.c &&"
	  " gcc -static-pie -o still s.c",
	  "./still", WORKER, 125, "^hotinject: ./still is statically linked" },
	{ "cp host setuid && chmod 4755 setuid", "./setuid", WORKER, 125,
	  "^hotinject: ./setuid runs with rights of its own" },
	{ "cp host small && printf '\\001' |"
	  " dd of=small bs=1 seek=4 conv=notrunc",
	  "./small", WORKER, 125, "^hotinject: ./small is a 32-bit program" },
	{ "cp host arm && printf '\\267' |"
	  " dd of=arm bs=1 seek=18 conv=notrunc",
	  "./arm", WORKER, 125, "^hotinject: ./arm is for another machine" },
	{ "true", "./host", "./no-such-worker.so", 125,
	  "^hotinject: .*no-such-worker.so" },
	{ "echo text > text.so", "./host", "./text.so", 125,
	  "^hotinject: .*text.so" },
	{ "true", "./host", "./host", 125, "^hotinject: .*host" },
	{ "true", "./host", ".", 125, "^hotinject: " },
};

START_TEST(what_cannot_be_is_said_and_has_its_status)
{
	const struct impossible *impossible = &impossibles[_i];
	struct support *scene = make("impossible");

	support_shell(scene, "%s", impossible->prepare);
	support_start(scene, impossible->host, impossible->worker, NULL);
	support_forget_events(scene);
	ck_assert_int_eq(support_wait(scene), impossible->status);
	support_message(scene, impossible->message);
	support_free(scene);
}
END_TEST

START_TEST(a_host_without_a_worker_is_a_wrong_command_line)
{
	struct support *scene = make("usage");

	support_start(scene, "./host", NULL);
	ck_assert_int_eq(support_wait(scene), 125);
	support_message(scene, "^hotinject: ");
	support_message(scene, "^hint: see 'hotinject --help'");
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "impossible");

	tcase_add_loop_test(tcase, what_cannot_be_is_said_and_has_its_status, 0,
			    sizeof(impossibles) / sizeof(*impossibles));
	tcase_add_test(tcase, a_host_without_a_worker_is_a_wrong_command_line);
}

int main(void)
{
	return support_main("impossible", add);
}
