#include "tests/support_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_schema.h"

bool guard_is_full(void)
{
	const char *matrix = getenv("HOTINJECT_TEST_MATRIX");

	return matrix && !strcmp(matrix, "full");
}

/* --- host and worker --------------------------------------------------------------- */

static void compile_rust(struct support *scene,
			 const struct guard_toolchain *toolchain,
			 unsigned int number)
{
	/* before 1.66, rustc has to be asked for black_box() */
	support_shell(
		scene,
		"RUSTC_BOOTSTRAP=1 rustc "
		"-Zcrate-attr='feature(bench_black_box)' -A "
		"stable-features --crate-type=cdylib --crate-name=worker --cfg "
		"build%u -A unknown-lints -A unexpected_cfgs "
		"-A unconditional_recursion -A unconditional_panic "
		"-C link-arg=-Wl,-soname,libworker.so %s -o build.%u.so "
		"%s/worker.rs",
		number, toolchain->flags, number,
		support_source(scene, "tests/guard"));
}

static void compile_c(struct support *scene,
		      const struct guard_toolchain *toolchain,
		      unsigned int number)
{
	support_shell(scene,
		      "%s -w -D_GNU_SOURCE -fPIC -shared -DBUILD=%u "
		      "-Wl,-soname,libworker.so %s -o build.%u.so "
		      "%s/worker.c -lm -pthread",
		      toolchain->cc, number, toolchain->flags, number,
		      support_source(scene, "tests/guard"));
}

void guard_compile(struct support *scene,
		   const struct guard_toolchain *toolchain, unsigned int last)
{
	bool rust = !strcmp(toolchain->cc, "rustc");

	for (unsigned int number = 1; number <= last; number++)
		if (rust)
			compile_rust(scene, toolchain, number);
		else
			compile_c(scene, toolchain, number);
	support_shell(scene,
		      "cp build.1.so libworker.so; %s -w -D_GNU_SOURCE %s "
		      "-o host %s/host.c -L. -lworker -Wl,-rpath,'$ORIGIN' "
		      "-lm -pthread",
		      rust ? "gcc" : toolchain->cc,
		      rust ? "-O2 -g" : toolchain->flags,
		      support_source(scene, "tests/guard"));
}

static void put_file(struct support *scene, unsigned int file)
{
	char name[60];

	snprintf(name, sizeof(name), "build.%u.so", file);
	support_put(scene, name, "libworker.so", SUPPORT_RENAME);
}

void guard_start_at(struct support *scene, const char *option,
		    unsigned int file)
{
	put_file(scene, file);
	/* one of its threads never leaves the worker */
	support_start(scene, "--wait=20", option, "./host", "libworker.so",
		      NULL);
	support_event(scene, "ready");
}

void guard_start(struct support *scene, const char *option)
{
	guard_start_at(scene, option, 1);
}

static bool is_repeated(json_t *event)
{
	json_t *times = json_object_get(event, "times");

	return json_integer_value(times) > 1 ||
	       !strcmp(json_string_value(json_object_get(event, "event")),
		       "waiting");
}

void guard_put_as(struct support *scene, unsigned int file, unsigned int number)
{
	json_t *live;

	put_file(scene, file);
	live = support_event_any(scene);
	while (is_repeated(live))
		live = support_event_any(scene);
	ck_assert_str_eq(support_event_text(scene, live, "event"), "live");
	ck_assert_int_eq(support_event_number(scene, live, "build"), number);
}

void guard_put(struct support *scene, unsigned int number)
{
	guard_put_as(scene, number, number);
}

void guard_expect(struct support *scene, const char *question, long result)
{
	char wanted[60];
	const char *line = support_ask(scene, question);

	snprintf(wanted, sizeof(wanted), "%ld", result);
	if (strcmp(line, wanted) != 0)
		support_fail(scene, "\"%s\" gave %s instead of %s", question,
			     line, wanted);
}

void guard_leave(struct support *scene)
{
	support_no_event(scene);
	ck_assert_int_eq(support_end(scene), 5);
}

void guard_end(struct support *scene)
{
	guard_leave(scene);
	support_free(scene);
}

/* --- what is told of a crash --------------------------------------------------------- */

/* The line of the source, of C or Rust, that ends with the fault's name; 0: none. */
static unsigned int find_line(struct support *scene, const char *file,
			      const char *name)
{
	char mark[60], path[100];
	char *HI_FREE text = NULL;
	unsigned int line = 1;
	const char *at;

	snprintf(path, sizeof(path), "tests/guard/%s", file);
	snprintf(mark, sizeof(mark), "/* %s */\n", name);
	text = support_read(scene, support_source(scene, path), NULL);
	at = strstr(text, mark);
	for (const char *c = text; at && c < at; c++)
		line += *c == '\n';
	return at ? line : 0;
}

static void check_where(struct support *scene, const struct guard_fault *fault,
			json_t *event)
{
	const char *where = support_event_text(scene, event, "where");
	unsigned int line = 0;
	char file[20] = "";
	unsigned int wanted;

	if (fault->flags & GUARD_ANY_LINE)
		return;
	if (sscanf(where, "%19[^:]:%u", file, &line) != 2)
		support_fail(scene, "%s is at \"%s\"", fault->name, where);
	wanted = find_line(scene, file, fault->name);
	if (line != wanted &&
	    !((fault->flags & GUARD_NEXT_LINE) && line == wanted + 1))
		support_fail(scene, "%s is at \"%s\", not line %u", fault->name,
			     where, wanted);
}

/* A frame of the worker, perhaps below others; the last is where the host goes on. */
static void check_backtrace(struct support *scene, json_t *event,
			    const char *function)
{
	json_t *list = json_object_get(event, "backtrace"), *frame;
	size_t n = json_array_size(list), i;
	bool found = false;

	json_array_foreach(list, i, frame) {
		bool left = json_is_true(json_object_get(frame, "left"));

		found |= strstr(support_event_text(scene, frame, "function"),
				function) != NULL;
		if (left != (i + 1 < n))
			support_fail(scene, "frame %zu of %s is%s left", i,
				     function, left ? "" : " not");
	}
	if (!found)
		support_fail(scene, "no frame of %s()", function);
}

/* What the host has called, or at -O2 what that has jumped to. */
static void check_entered(struct support *scene,
			  const struct guard_fault *fault, json_t *event)
{
	const char *entered = support_event_text(scene, event, "entered");
	char usual[60];

	snprintf(usual, sizeof(usual), "fault_%s", fault->name);
	if (strcmp(entered, usual) != 0 &&
	    (!fault->function || !strstr(entered, fault->function)))
		support_fail(scene, "%s: entered is %s", fault->name, entered);
}

static void check_action(struct support *scene, const struct guard_fault *fault,
			 json_t *event, const char *action)
{
	const char *text = support_event_text(scene, event, "action");

	if (action ? strcmp(text, action) != 0 : !strcmp(text, "off"))
		support_fail(scene, "%s: %s", fault->name,
			     json_dumps(event, JSON_COMPACT));
}

static void check_schema(struct support *scene, json_t *event)
{
	char *HI_FREE text = support_read(
		scene, support_source(scene, "tests/schemas/crash.json"), NULL);
	json_t *schema = json_loads(text, 0, NULL);
	char *HI_FREE wrong = NULL;

	ck_assert_ptr_nonnull(schema);
	wrong = support_schema_check(schema, event);
	if (wrong)
		support_fail(scene, "%s", wrong);
	json_decref(schema);
}

json_t *guard_expect_crash(struct support *scene,
			   const struct guard_fault *fault, unsigned int build,
			   const char *action)
{
	json_t *event = support_event(scene, "crash");
	const char *function = support_event_text(scene, event, "function");
	char wanted[60];

	snprintf(wanted, sizeof(wanted), "fault_%s", fault->name);
	if (fault->function)
		snprintf(wanted, sizeof(wanted), "%s", fault->function);
	check_schema(scene, event);
	ck_assert_str_eq(support_event_text(scene, event, "worker"),
			 "libworker.so");
	ck_assert_int_eq(support_event_number(scene, event, "build"), build);
	ck_assert_str_eq(support_event_text(scene, event, "signal"),
			 fault->signal);
	ck_assert_int_eq(support_event_number(scene, event, "pid"),
			 support_get_host_pid(scene));
	if (!strstr(function, wanted))
		support_fail(scene, "%s() crashed, not %s()", function, wanted);
	if (!json_object_get(event, "address") !=
	    !(fault->flags & GUARD_ADDRESS))
		support_fail(scene, "the address of %s", fault->name);
	check_entered(scene, fault, event);
	check_where(scene, fault, event);
	check_backtrace(scene, event, wanted);
	check_action(scene, fault, event, action);
	return event;
}
