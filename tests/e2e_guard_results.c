/*
 * The zero that the host gets when the worker has crashed, and from a function that is
 * held, in each way in which a result is returned.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_guard.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

/* Sizes of results in memory for which there is code (shim_abi.h). */
enum { N_SIZES = 64 };

static const char
	*const results[] = {
		"long",     "wide",  "double", "complex", "x87",
		"x87_pair", "longs", "mixed",  "doubles", "extended",
		"three",    "bytes", "vector", /* where there is AVX */
	};

static size_t count_results(void)
{
	return LEN(results) - !__builtin_cpu_supports("avx");
}

static const char *const compilers[] = { "gcc -O2", "clang -O2", "gcc -O0" };

static void put(struct support *scene, unsigned int number)
{
	char name[30];

	snprintf(name, sizeof(name), "build.%u.so", number);
	support_put(scene, name, "libworker.so", SUPPORT_RENAME);
}

static void expect(struct support *scene, const char *question,
		   const char *wanted)
{
	const char *line = support_ask(scene, question);

	if (strcmp(line, wanted) != 0)
		support_fail(scene, "%s: %s", question, line);
}

static json_t *expect_crash(struct support *scene, const char *function,
			    const char *action)
{
	json_t *event = support_event(scene, "crash");

	ck_assert_str_eq(support_event_text(scene, event, "entered"), function);
	ck_assert_str_eq(support_event_text(scene, event, "action"), action);
	return event;
}

static void crash_each(struct support *scene, bool pass, bool in_memory)
{
	char question[40], function[40];

	for (size_t i = 0; i < count_results(); i++) {
		bool large = !strcmp(results[i], "three") ||
			     !strcmp(results[i], "bytes");

		snprintf(question, sizeof(question), "%s%s",
			 pass ? "pass " : "", results[i]);
		snprintf(function, sizeof(function), "wide_%s", results[i]);
		/* memory that is not known for sure is left as it is */
		if (large && in_memory)
			support_ask(scene, question);
		else
			expect(scene, question, "0");
		expect_crash(scene, function, "hold");
		expect(scene, question, "0");
	}
}

START_TEST(each_kind_of_result_is_zero)
{
	bool is_optimized = !strstr(compilers[_i], "-O0");
	struct support *scene = support_new("results");

	support_shell(
		scene,
		"avx=%s; src=%s; for n in 1 2 3; do %s $avx -g -w -fPIC -shared "
		"-DBUILD=$n -Wl,-soname,libworker.so -o build.$n.so "
		"$src/wide.c; done; cp build.1.so libworker.so; "
		"%s $avx -g -o host $src/wide_host.c -L. -lworker "
		"-Wl,-rpath,'$ORIGIN'",
		__builtin_cpu_supports("avx") ? "-mavx" : "",
		support_source(scene, "tests/guard"), compilers[_i],
		compilers[_i]);
	support_start(scene, "./host", "libworker.so", NULL);
	support_event(scene, "ready");
	crash_each(scene, false, false);
	put(scene, 2);
	support_event(scene, "live");
	for (size_t i = 0; i < count_results(); i++)
		expect(scene, results[i], "1");
	put(scene, 3);
	support_event(scene, "live");
	/* where its own caller wants it: without optimization, memory says so */
	crash_each(scene, true, !is_optimized);
	put(scene, 2);
	support_event(scene, "live");
	expect(scene, "place", "the place");
	put(scene, 1);
	support_event(scene, "live");
	expect(scene, "place", "the place");
	expect_crash(scene, "wide_bytes", "hold");
	expect(scene, "place", "the place");
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

/* One more is not held, but another of the first size is. */
START_TEST(as_many_sizes_as_there_is_code_for_are_held)
{
	struct support *scene = support_new("sizes");
	char question[30];

	support_shell(
		scene,
		"n=%d; { for i in $(seq $n); do echo \"struct s$i { char "
		"c[$(((i - 1) %% %d + 17))]; }; struct s$i f$i(void);\"; done; } >f.h; "
		"{ echo '#include \"f.h\"'; echo 'static char *volatile "
		"place;'; for i in $(seq $n); do echo \"struct s$i "
		"f$i(void) { static struct s$i s; *place = 1; return s; "
		"}\"; done; } >w.c; "
		"{ echo '#include \"f.h\"'; echo '#include <stdio.h>'; "
		"echo 'int main(void) { int n, sum; while (scanf(\"%%d\", "
		"&n) == 1) { sum = 0; switch (n) {'; for i in $(seq $n); "
		"do echo \"case $i: { struct s$i s = f$i(); for (int i = "
		"0; i < (int)sizeof(s.c); i++) sum |= s.c[i]; break; }\"; done; "
		"echo '} puts(sum ? \"1\" : \"0\"); fflush(stdout); } "
		"return 5; }'; } >h.c; "
		"gcc -O1 -g -fPIC -shared -Wl,-soname,libworker.so -o "
		"libworker.so w.c; gcc -O1 -g -o host h.c -L. -lworker "
		"-Wl,-rpath,'$ORIGIN'",
		N_SIZES + 2, N_SIZES + 1);
	support_start(scene, "./host", "libworker.so", NULL);
	support_event(scene, "ready");
	for (int i = 1; i <= N_SIZES + 2; i++) {
		char function[30];

		snprintf(question, sizeof(question), "%d", i);
		snprintf(function, sizeof(function), "f%d", i);
		expect(scene, question, "0");
		expect_crash(scene, function,
			     i != N_SIZES + 1 ? "hold" : "return");
		expect(scene, question, "0");
	}
	support_message(scene, "f65\\(\\) has returned zero: too many "
			       "functions are held");
	ck_assert_int_eq(support_end(scene), 5);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *kinds = support_tcase(suite, "kinds");

	tcase_add_loop_test(kinds, each_kind_of_result_is_zero, 0,
			    LEN(compilers));
	tcase_add_test(kinds, as_many_sizes_as_there_is_code_for_are_held);
}

int main(void)
{
	return support_main("guard_results", add);
}
