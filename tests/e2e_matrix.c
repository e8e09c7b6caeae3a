/*
 * The stories that depend on what compilers and linkers emit, with each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_case.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

static const char *const compilers[] = { "gcc", "clang" };
static const char *const levels[] = { "-O0", "-O2", "-Os" };
static const char *const linkers[] = { "bfd", "lld", "mold" };

static const struct {
	const char *name, *host_flags, *worker_flags;
} bindings[] = {
	{ "lazy", "-fPIE -pie -Wl,-z,lazy -Wl,-z,norelro", "-Wl,-z,lazy" },
	{ "now", "-fPIE -pie -Wl,-z,now -Wl,-z,relro", "-Wl,-z,now" },
	{ "fixed", "-fno-pie -no-pie -Wl,-z,now -Wl,-z,relro", "-Wl,-z,now" },
	{ "no-plt", "-fPIE -pie -fno-plt", "-fno-plt" },
	{ "symbolic", "-fPIE -pie", "-Wl,-Bsymbolic" },
};

/* -fno-plt and -Bsymbolic add nothing at other levels. */
enum { N_BINDINGS = LEN(bindings), N_MAIN_BINDINGS = 3 };

enum {
	N_VARIANTS = LEN(compilers) * LEN(levels) * LEN(linkers) * N_BINDINGS,
};

static void run_variant(const char *story, int number)
{
	struct support_variant variant;
	size_t compiler, level, linker, binding;
	char name[100], flags[100];

	compiler = (size_t)number % LEN(compilers);
	number /= LEN(compilers);
	linker = (size_t)number % LEN(linkers);
	number /= LEN(linkers);
	level = (size_t)number % LEN(levels);
	binding = (size_t)number / LEN(levels);
	if (binding >= N_MAIN_BINDINGS && level != 1)
		return;
	snprintf(name, sizeof(name), "%s%s-%s-%s", compilers[compiler],
		 levels[level], linkers[linker], bindings[binding].name);
	snprintf(flags, sizeof(flags), "%s -g", levels[level]);
	variant.name = name;
	variant.cc = compilers[compiler];
	variant.linker = linkers[linker];
	variant.flags = flags;
	variant.worker_flags = bindings[binding].worker_flags;
	variant.host_flags = bindings[binding].host_flags;
	support_case_run(story, &variant);
}

START_TEST(every_route_leads_to_the_new_build)
{
	run_variant("routes", _i);
}
END_TEST

static void add(Suite *suite)
{
	tcase_add_loop_test(support_tcase(suite, "routes"),
			    every_route_leads_to_the_new_build, 0, N_VARIANTS);
}

int main(void)
{
	return support_main("matrix", add);
}
