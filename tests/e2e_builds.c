/*
 * Builds that cannot go live: whatever is put in the worker's place, the host
 * goes on with what it has, and the next good build goes live.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_case.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/plain"

#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

static const enum support_way ways[] = { SUPPORT_RENAME, SUPPORT_IN_PLACE,
					 SUPPORT_ANEW };

/* A host that has build 1; build.1.so, build.2.so and build.3.so are there. */
static struct support *start(const char *name)
{
	struct support *scene = support_new(name);

	for (unsigned int i = 1; i <= 3; i++)
		support_compile_worker(scene, STORY, &support_plain_variant, "",
				       i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	return scene;
}

/* What was put in place last gets no further, and is said to be so. */
static json_t *expect_no(struct support *scene, const char *what)
{
	json_t *event = support_event_any(scene);
	const char *kind = support_event_text(scene, event, "event");

	if (strcmp(kind, "refused") != 0 && strcmp(kind, "ignored") != 0)
		support_fail(scene, "%s was not refused but %s", what, kind);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	return event;
}

/* The next good build goes live, and nothing else happened meanwhile. */
static void expect_next(struct support *scene)
{
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	support_reject(scene, "value", "value=1", 3);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	support_put(scene, "build.3.so", WORKER, SUPPORT_IN_PLACE);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=30");
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

START_TEST(a_build_cut_off_anywhere_does_no_harm)
{
	struct support *scene = start("cut");
	size_t len;
	char *HI_FREE bytes = support_read(scene, "build.2.so", &len);
	char what[60];

	for (size_t cut = 512; cut < len; cut += 512) {
		snprintf(what, sizeof(what), "a build of %zu bytes", cut);
		support_put_bytes(scene, bytes, cut, WORKER, ways[_i]);
		expect_no(scene, what);
	}
	expect_next(scene);
}
END_TEST

START_TEST(a_build_of_nothing_does_no_harm)
{
	struct support *scene = start("empty");

	support_put_bytes(scene, "", 0, WORKER, ways[_i]);
	expect_no(scene, "an empty file");
	expect_next(scene);
}
END_TEST

START_TEST(a_build_of_garbage_does_no_harm)
{
	struct support *scene = start("garbage");
	size_t len;
	char *HI_FREE bytes = support_read(scene, "build.2.so", &len);

	support_put_bytes(scene, "#!/bin/sh\n", 10, WORKER, ways[_i]);
	expect_no(scene, "a script");
	/* A right beginning, and noise behind it. */
	srandom(1);
	for (size_t i = sizeof(Elf64_Ehdr); i < len; i++)
		bytes[i] = (char)random();
	support_put_bytes(scene, bytes, len, WORKER, ways[_i]);
	expect_no(scene, "noise");
	expect_next(scene);
}
END_TEST

/* A byte of the ELF header, what it is set to, what the refusal says. */
static const struct header_patch {
	const char *name;
	size_t at;
	unsigned char value;
} header_patches[] = {
	{ "a 32-bit library", EI_CLASS, ELFCLASS32 },
	{ "a big-endian library", EI_DATA, ELFDATA2MSB },
	{ "another ELF version", EI_VERSION, 2 },
	{ "another system", EI_OSABI, ELFOSABI_FREEBSD },
	{ "another machine", offsetof(Elf64_Ehdr, e_machine), EM_AARCH64 },
	{ "a core file", offsetof(Elf64_Ehdr, e_type), ET_CORE },
	{ "small program headers", offsetof(Elf64_Ehdr, e_phentsize), 8 },
	{ "no program headers", offsetof(Elf64_Ehdr, e_phnum), 0 },
	{ "far program headers", offsetof(Elf64_Ehdr, e_phoff) + 5, 0x7f },
};

START_TEST(a_build_for_something_else_does_no_harm)
{
	const struct header_patch *patch = &header_patches[_i];
	struct support *scene = start("foreign");
	size_t len;
	char *HI_FREE bytes = support_read(scene, "build.2.so", &len);

	bytes[patch->at] = (char)patch->value;
	support_put_bytes(scene, bytes, len, WORKER, SUPPORT_RENAME);
	expect_no(scene, patch->name);
	expect_next(scene);
}
END_TEST

/* Each program is compiled by COMMAND into bad.so from bad.c. */
static const struct bad_program {
	const char *name;
	const char *source;
	const char *command;
	const char *says; /* a part of the refusal, or NULL */
} bad_programs[] = {
	{ "an object file", "void worker_answer(void) {}",
	  "gcc -c -o bad.so bad.c", NULL },
	{ "a program", "int main(void) { return 0; }",
	  "gcc -no-pie -o bad.so bad.c", NULL },
	{ "a position-independent program", "int main(void) { return 0; }",
	  "gcc -o bad.so bad.c", NULL },
	{ "a static program", "int main(void) { return 0; }",
	  "gcc -static -o bad.so bad.c", NULL },
	{ "a library that needs a missing one",
	  "void gone(void); void worker_answer(void) { gone(); }",
	  "echo 'void gone(void) {}' > gone.c &&"
	  " gcc -shared -fPIC -o libgone.so gone.c &&"
	  " gcc -shared -fPIC -o bad.so bad.c ./libgone.so && rm libgone.so",
	  "libgone.so" },
	{ "a library with an undefined function",
	  "int answer(void) { return 9; } int not_there(void);"
	  " void worker_answer(void) { not_there(); }",
	  "gcc -shared -fPIC -o bad.so bad.c", "not_there" },
	{ "a library with an undefined variable",
	  "int answer(void) { return 9; } extern int not_there;"
	  " int worker_answer(void) { return not_there; }",
	  "gcc -shared -fPIC -o bad.so bad.c", "not_there" },
	{ "a library without the host's function",
	  "int answer(void) { return 9; }", "gcc -shared -fPIC -o bad.so bad.c",
	  "worker_answer" },
	{ "a library with a variable of the function's name",
	  "int answer(void) { return 9; } int worker_answer = 1;",
	  "gcc -shared -fPIC -o bad.so bad.c", "worker_answer" },
};

START_TEST(a_build_that_cannot_be_loaded_is_refused)
{
	const struct bad_program *program = &bad_programs[_i];
	struct support *scene = start("program");
	json_t *event;

	support_write(scene, "bad.c", program->source);
	support_shell(scene, "%s", program->command);
	support_put(scene, "bad.so", WORKER, SUPPORT_RENAME);
	event = expect_no(scene, program->name);
	if (program->says && !support_event_reason(event, NULL, program->says))
		support_fail(scene, "no word of %s", program->says);
	expect_next(scene);
}
END_TEST

/* The body of a constructor, run on a thread of the host, and what is said of it. */
static const struct bad_constructor {
	const char *body;
	const char *says;
} bad_constructors[] = {
	{ "*(volatile int *)8 = 1;", "a constructor crashed (SIGSEGV)" },
	{ "deep(1);", "a constructor crashed (SIGSEGV)" },
	{ "abort();", "a constructor tried to end the host (abort)" },
	{ "exit(3);", "a constructor tried to end the host (exit)" },
	{ "_exit(3);", "a constructor tried to end the host (_exit)" },
	{ "errx(3, \"no\");", "a constructor tried to end the host (errx)" },
	{ "syscall(SYS_exit_group, 3);",
	  "a constructor tried to end the host (syscall)" },
	{ "pthread_exit(0);", "a constructor ended its thread" },
	{ "raise(SIGTERM);", "a constructor tried to end the host (SIGTERM)" },
	{ "kill(getpid(), SIGTERM);",
	  "a constructor tried to end the host (SIGTERM)" },
	{ "kill(getpid(), SIGKILL);",
	  "a constructor tried to end the host (SIGKILL)" },
	{ "kill(0, SIGINT);", "a constructor tried to end the host (SIGINT)" },
	{ "tgkill(getpid(), gettid(), SIGHUP);",
	  "a constructor tried to end the host (SIGHUP)" },
	{ "tgkill(getpid(), getpid(), SIGTERM);",
	  "a constructor tried to end the host (SIGTERM)" },
	{ "pthread_kill(pthread_self(), SIGUSR1);",
	  "a constructor tried to end the host (SIGUSR1)" },
	{ "syscall(SYS_kill, getpid(), SIGTERM);",
	  "a constructor tried to end the host (SIGTERM)" },
	/* not by way of the C library */
	{ "long r; __asm__ volatile(\"syscall\" : \"=a\"(r) : \"0\"(SYS_tkill),"
	  " \"D\"(gettid()), \"S\"(SIGTERM) : \"rcx\", \"r11\", \"memory\");",
	  "a constructor tried to end the host (SIGTERM)" },
};

static const char constructor_start[] =
	"#include <err.h>\n#include <pthread.h>\n#include <signal.h>\n"
	"#include <stdlib.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
	"int answer(void) { return 9; } void worker_answer(void) {}\n"
	"int deep(volatile int n) { return n ? deep(n + 1) + n : 0; }\n"
	"__attribute__((constructor)) static void c(void) {";

START_TEST(a_constructor_that_fails_does_not_end_the_host)
{
	const struct bad_constructor *bad = &bad_constructors[_i];
	struct support *scene = start("constructor");
	char source[1200];
	json_t *event;

	snprintf(source, sizeof(source), "%s %s }\n", constructor_start,
		 bad->body);
	support_write(scene, "bad.c", source);
	support_shell(scene, "gcc -D_GNU_SOURCE -shared -fPIC -o bad.so bad.c");
	support_put(scene, "bad.so", WORKER, SUPPORT_RENAME);
	event = expect_no(scene, bad->body);
	if (!support_event_reason(event, NULL, bad->says))
		support_fail(scene, "not \"%s\"", bad->says);
	expect_next(scene);
}
END_TEST

static const char *const other_ends[] = {
	"quick_exit(3);",
	"_Exit(3);",
	"err(3, \"no\");",
	"killpg(0, SIGTERM);",
	"kill(-getpgrp(), SIGTERM);",
	"sigqueue(getpid(), SIGTERM, (union sigval){ 0 });",
	"syscall(SYS_tkill, gettid(), SIGTERM);",
	"syscall(SYS_tgkill, getpid(), gettid(), SIGTERM);",
};

START_TEST(a_host_outlives_one_failing_constructor_after_the_other)
{
	struct support *scene = start("constructors");
	char source[1200];
	json_t *event;

	for (int i = 0; i < LEN(other_ends); i++) {
		snprintf(source, sizeof(source), "%s %s }\n", constructor_start,
			 other_ends[i]);
		support_write(scene, "bad.c", source);
		support_shell(scene, "gcc -D_GNU_SOURCE -shared -fPIC"
				     " -o bad.so bad.c");
		support_put(scene, "bad.so", WORKER, SUPPORT_RENAME);
		event = expect_no(scene, other_ends[i]);
		if (!support_event_reason(event, NULL, "tried to end the host"))
			support_fail(scene, "%s was not seen", other_ends[i]);
	}
	expect_next(scene);
}
END_TEST

START_TEST(a_refused_build_is_tried_again_when_it_is_touched)
{
	struct support *scene = start("again");
	char source[1200];

	snprintf(source, sizeof(source),
		 "%s if (access(\"ready\", F_OK)) raise(SIGTERM); }\n",
		 constructor_start);
	support_write(scene, "late.c", source);
	/* beside a whole worker */
	support_shell(scene,
		      "grep -v worker_answer late.c >only.c &&"
		      " gcc -D_GNU_SOURCE -shared -fPIC -o bad.so -I%s/.."
		      " %s/worker.2.c only.c",
		      support_source(scene, STORY),
		      support_source(scene, STORY));
	support_put(scene, "bad.so", WORKER, SUPPORT_RENAME);
	expect_no(scene, "a build whose time has not come");
	support_shell(scene, "touch ready && touch " WORKER);
	support_event(scene, "live");
	support_reject(scene, "value", "value=1", 3);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* What the second object of a C++ build does in its constructor. */
static const char *const bad_objects[] = {
	"throw 1;",
	"*(volatile int *)8 = 1;",
	"std::exit(3);",
	"std::terminate();",
};

/* The first object is there: its destructor runs when the host ends. */
static const char objects[] =
	"#include <cstdio>\n#include <cstdlib>\n#include <exception>\n"
	"#include <string>\n"
	"extern \"C\" int answer() { return 9; }\n"
	"extern \"C\" void worker_answer() {}\n"
	"struct First {\n"
	"	std::string name{\"a string that is long enough for the heap\"};\n"
	"	~First() {\n"
	"		FILE *file = fopen(\"destroyed\", \"w\");\n"
	"		fputs(name.c_str(), file);\n"
	"		fclose(file);\n"
	"	}\n"
	"} first;\n"
	"struct Second { Second() { %s } } second;\n";

START_TEST(an_object_of_a_refused_build_is_destroyed_at_the_end)
{
	struct support *scene = start("objects");
	char *HI_FREE written = NULL;
	char source[1000];
	json_t *event;

	snprintf(source, sizeof(source), objects, bad_objects[_i]);
	support_write(scene, "bad.cc", source);
	support_shell(scene, "g++ -shared -fPIC -o bad.so bad.cc");
	support_put(scene, "bad.so", WORKER, SUPPORT_RENAME);
	event = expect_no(scene, bad_objects[_i]);
	ck_assert(support_event_reason(event, NULL, "a constructor "));
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	support_reject(scene, "value", "value=1", 3);
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	ck_assert_int_ne(access(support_path(scene, "destroyed"), F_OK), 0);
	ck_assert_int_eq(support_end(scene), 0);
	written = support_read(scene, "destroyed", NULL);
	ck_assert_ptr_nonnull(strstr(written, "long enough"));
	support_free(scene);
}
END_TEST

/* Wait for the build with VALUE, through whatever comes before. */
static void expect_in_the_end(struct support *scene, const char *value)
{
	while (strcmp(support_ask(scene, "value"), value) != 0)
		support_event_any(scene);
}

/* The end of a test that cannot know how many builds went live. */
static void end_anyway(struct support *scene)
{
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

START_TEST(a_folder_in_the_worker_s_place_does_no_harm)
{
	struct support *scene = start("folder");

	support_shell(scene, "rm " WORKER " && mkdir " WORKER);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_shell(scene, "rmdir " WORKER);
	support_put(scene, "build.2.so", WORKER, SUPPORT_ANEW);
	expect_in_the_end(scene, "value=2");
	end_anyway(scene);
}
END_TEST

START_TEST(the_worker_may_be_deleted_and_come_back)
{
	struct support *scene = start("deleted");

	support_shell(scene, "rm " WORKER);
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	expect_next(scene);
}
END_TEST

START_TEST(the_worker_s_folder_may_be_deleted_and_come_back)
{
	struct support *scene = support_new("folders");

	support_compile_worker(scene, STORY, &support_plain_variant, "", 1);
	support_compile_worker(scene, STORY, &support_plain_variant, "", 2);
	support_shell(scene, "mkdir out && cp build.1.so out/" WORKER
			     " && cp build.1.so " WORKER);
	support_compile_host(scene, STORY, &support_plain_variant,
			     "-Wl,-rpath,'$ORIGIN/out'");
	support_shell(scene, "rm " WORKER);
	support_start(scene, "./host", "out/" WORKER, NULL);
	support_event(scene, "ready");
	support_shell(scene, "rm -r out");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_shell(scene, "mkdir new && cp build.2.so new/" WORKER
			     " && mv new out");
	expect_in_the_end(scene, "value=2");
	support_shell(scene,
		      "rm -r out && mkdir out && cp build.1.so out/" WORKER);
	expect_in_the_end(scene, "value=1");
	end_anyway(scene);
}
END_TEST

/* Root reads everything, so hotinject runs as somebody else. */
START_TEST(a_build_that_cannot_be_read_is_said_so)
{
	struct support *scene = support_new("unreadable");

	support_compile_worker(scene, STORY, &support_plain_variant, "", 1);
	support_compile_worker(scene, STORY, &support_plain_variant, "", 2);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, STORY, &support_plain_variant, "");
	support_shell(scene, "cp build.2.so secret && chmod 0 secret");
	if (geteuid() == 0)
		support_use_tool_as_nobody(scene);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	ck_assert_str_eq(support_ask(scene, "value"), "value=1");
	support_shell(scene, "mv secret " WORKER);
	expect_no(scene, "a file that cannot be read");
	support_message(scene, "Permission denied");
	support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
	support_event(scene, "live");
	ck_assert_str_eq(support_ask(scene, "value"), "value=2");
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

START_TEST(two_builds_at_once_end_with_the_second)
{
	struct support *scene = start("twice");

	for (int i = 0; i < 10; i++) {
		support_put(scene, "build.3.so", WORKER, ways[_i]);
		support_put(scene, "build.2.so", WORKER, ways[_i]);
		if (i == 0)
			expect_in_the_end(scene, "value=2");
		support_put(scene, "build.2.so", WORKER, ways[_i]);
		support_put(scene, "build.3.so", WORKER, ways[_i]);
		expect_in_the_end(scene, "value=30");
		support_put(scene, "build.1.so", WORKER, ways[_i]);
		expect_in_the_end(scene, "value=1");
	}
	end_anyway(scene);
}
END_TEST

START_TEST(a_build_right_after_the_start_is_not_missed)
{
	struct support *scene = start("early");

	ck_assert_int_eq(support_end(scene), 0);
	for (int i = 0; i < 5; i++) {
		support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
		support_start(scene, "./host", WORKER, NULL);
		/* Another way would take the file from the host's loader. */
		support_put(scene, "build.2.so", WORKER, SUPPORT_RENAME);
		support_event(scene, "ready");
		expect_in_the_end(scene, "value=2");
		support_put(scene, "build.3.so", WORKER, SUPPORT_IN_PLACE);
		expect_in_the_end(scene, "value=30");
		support_forget_events(scene);
		ck_assert_int_eq(support_end(scene), 0);
	}
	support_free(scene);
}
END_TEST

START_TEST(the_same_content_again_is_no_build)
{
	struct support *scene = start("same");

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		support_put(scene, "build.1.so", WORKER, ways[i]);
	support_shell(scene, "touch " WORKER);
	/* The first event would be about these. */
	expect_next(scene);
}
END_TEST

static void add_files(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "files");

	tcase_add_loop_test(tcase, a_build_cut_off_anywhere_does_no_harm, 0,
			    LEN(ways));
	tcase_add_loop_test(tcase, a_build_of_nothing_does_no_harm, 0,
			    LEN(ways));
	tcase_add_loop_test(tcase, a_build_of_garbage_does_no_harm, 0,
			    LEN(ways));
	tcase_add_loop_test(tcase, a_build_for_something_else_does_no_harm, 0,
			    LEN(header_patches));
	tcase_add_loop_test(tcase, a_build_that_cannot_be_loaded_is_refused, 0,
			    LEN(bad_programs));
	tcase_add_loop_test(tcase,
			    a_constructor_that_fails_does_not_end_the_host, 0,
			    LEN(bad_constructors));
	tcase_add_test(tcase,
		       a_host_outlives_one_failing_constructor_after_the_other);
	tcase_add_test(tcase,
		       a_refused_build_is_tried_again_when_it_is_touched);
	tcase_add_loop_test(
		tcase, an_object_of_a_refused_build_is_destroyed_at_the_end, 0,
		LEN(bad_objects));
}

static void add_times(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "places and times");

	tcase_add_test(tcase, a_folder_in_the_worker_s_place_does_no_harm);
	tcase_add_test(tcase, the_worker_may_be_deleted_and_come_back);
	tcase_add_test(tcase, the_worker_s_folder_may_be_deleted_and_come_back);
	tcase_add_test(tcase, a_build_that_cannot_be_read_is_said_so);
	tcase_add_loop_test(tcase, two_builds_at_once_end_with_the_second, 0,
			    LEN(ways));
	tcase_add_test(tcase, a_build_right_after_the_start_is_not_missed);
	tcase_add_test(tcase, the_same_content_again_is_no_build);
}

static void add(Suite *suite)
{
	add_files(suite);
	add_times(suite);
}

int main(void)
{
	return support_main("builds", add);
}
