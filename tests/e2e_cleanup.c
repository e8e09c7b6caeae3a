/*
 * A thread that is taken out of the worker leaves frames behind: the report tells
 * which of them had something to do at their end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

/* Before 1.71, rustc has to be asked for functions of C that may unwind. */
#define RUSTC \
	"RUSTC_BOOTSTRAP=1 rustc -Zcrate-attr='feature(c_unwind, bench_black_box)'"

static const struct {
	const char *compiler;
	const char *source;
	const char *skipped; /* functions, separated by commas */
} workers[] = {
	{ "g++ -O0", "worker.cc", "guarded" },
	{ "g++ -O2", "worker.cc", "guarded" },
	{ "clang++ -O0", "worker.cc", "guarded" },
	{ "clang++ -O2", "worker.cc", "guarded" },
	{ "gcc -fexceptions -O0", "worker.c", "guarded" },
	{ "gcc -fexceptions -O2", "worker.c", "guarded" },
	{ "clang -fexceptions -O2", "worker.c", "guarded" },
	{ "gcc -O2", "worker.c", "" },
	{ RUSTC " -g", "worker.rs", "guarded" },
	{ RUSTC " -g -O", "worker.rs", "guarded" },
};

static void compile(struct support *scene, int number)
{
	const char *compiler = workers[number].compiler;
	const char *folder = support_source(scene, "tests/cleanup");

	if (strstr(compiler, "rustc"))
		support_shell(scene,
			      "%s --crate-type=cdylib -C "
			      "link-arg=-Wl,-soname,libworker.so -o "
			      "libworker.so %s/%s",
			      compiler, folder, workers[number].source);
	else
		support_shell(scene,
			      "%s -g -fPIC -shared -Wl,-soname,libworker.so "
			      "-o libworker.so %s/%s -pthread",
			      compiler, folder, workers[number].source);
	support_shell(scene, "gcc -g -o host %s -L. -lworker -Wl,-rpath,$PWD",
		      support_source(scene, "tests/cases/host.c"));
}

/* The functions that were left, from worker_answer() on; those skipped of them. */
static void collect(json_t *event, char *left, char *skipped, size_t size)
{
	json_t *frame;
	size_t i;

	left[0] = skipped[0] = '\0';
	json_array_foreach(json_object_get(event, "backtrace"), i, frame) {
		const char *function =
			json_string_value(json_object_get(frame, "function"));
		bool is_left = json_is_true(json_object_get(frame, "left"));
		bool is_skipped =
			json_is_true(json_object_get(frame, "cleanup_skipped"));
		char *list = left;

		ck_assert(is_left || !is_skipped);
		for (int n = 0; n < is_left + is_skipped; n++, list = skipped)
			snprintf(list + strlen(list), size - strlen(list),
				 "%s%s", *list ? "," : "", function);
	}
}

static int count(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

START_TEST(frames_that_were_to_clean_up_are_told)
{
	struct support *scene = support_new("cleanup");
	char left[300], skipped[300];
	char *messages;

	compile(scene, _i);
	support_start(scene, "./host", "libworker.so", NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "held=0");
	support_ask(scene, "fault");
	collect(support_event(scene, "crash"), left, skipped, sizeof(left));
	ck_assert_str_eq(left, "fault,unguarded,guarded,worker_answer");
	ck_assert_msg(!strcmp(skipped, workers[_i].skipped),
		      "%s: skipped: \"%s\"", workers[_i].compiler, skipped);
	if (*skipped)
		support_message(scene, "^ *guarded\\(\\) .*"
				       "\\[its cleanup was skipped\\]");
	ck_assert_int_eq(support_end(scene), 0);
	messages = support_messages(scene);
	ck_assert_int_eq(count(messages, "cleanup was skipped"), !!*skipped);
	free(messages);
	support_free(scene);
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "frames");

	tcase_add_loop_test(tcase, frames_that_were_to_clean_up_are_told, 0,
			    sizeof(workers) / sizeof(*workers));
}

int main(void)
{
	return support_main("cleanup", add_tests);
}
