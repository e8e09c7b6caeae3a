/*
 * The stories that depend on what compilers and linkers emit, with each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_case.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

static const char *const compilers[] = { "gcc", "clang" };
static const char *const linkers[] = { "bfd", "lld", "mold" };

/* How host and worker are bound to each other, or the worker is linked. */
struct linking {
	const char *name, *host_flags, *worker_flags;
};

static const struct linking bindings[] = {
	{ "lazy", "-fPIE -pie -Wl,-z,lazy -Wl,-z,norelro", "-Wl,-z,lazy" },
	{ "now", "-fPIE -pie -Wl,-z,now -Wl,-z,relro", "-Wl,-z,now" },
	{ "fixed", "-fno-pie -no-pie -Wl,-z,now -Wl,-z,relro", "-Wl,-z,now" },
};

static const struct linking other_bindings[] = {
	{ "no-plt", "-fPIE -pie -fno-plt", "-fno-plt" },
	{ "symbolic", "-fPIE -pie", "-Wl,-Bsymbolic" },
	{ "symbolic-fixed", "-fno-pie -no-pie -DSYMBOLIC", "-Wl,-Bsymbolic" },
	{ "not-interposed", "-fPIE -pie", "-fno-semantic-interposition" },
	{ "cet", "-fPIE -pie -fcf-protection=full", "-fcf-protection=full" },
	{ "sections", "-fPIE -pie -Wl,--gc-sections",
	  "-ffunction-sections -fdata-sections -Wl,--gc-sections" },
};

static const struct linking told[] = { { "told", "", "-Wl,--emit-relocs" } };

static const struct linking usual[] = { { "usual", "", "" } };

/* A story and what it is told with, beside all compilers and linkers. */
static const struct sweep {
	const char *story;
	const struct linking *linkings;
	size_t n_linkings;
	const char *levels[4];
} sweeps[] = {
	{ "routes", bindings, LEN(bindings), { "-O0", "-O2" } },
	{ "routes", other_bindings, LEN(other_bindings), { "-O2" } },
	{ "state", usual, LEN(usual), { "-O0", "-O2", "-Os" } },
	{ "state-layout", told, LEN(told), { "-O0", "-O2" } },
	{ "state-ends", usual, LEN(usual), { "-O0", "-O2", "-Os" } },
	{ "state-locals", usual, LEN(usual), { "-O2" } },
	{ "state-scopes", usual, LEN(usual), { "-O0", "-O2" } },
	{ "state-cxx", usual, LEN(usual), { "-O2" } },
	{ "state-copied", usual, LEN(usual), { "-O2" } },
	{ "tls", usual, LEN(usual), { "-O0", "-O2" } },
	{ "tls-local-dynamic", usual, LEN(usual), { "-O2" } },
	{ "tls-mixed", usual, LEN(usual), { "-O0", "-O2" } },
	{ "vtables", usual, LEN(usual), { "-O2" } },
	{ "versions", usual, LEN(usual), { "-O2" } },
	{ "interposed", usual, LEN(usual), { "-O2" } },
};

enum { N_TOOLCHAINS = LEN(compilers) * LEN(linkers) };

static int count_levels(const struct sweep *sweep)
{
	int n = 0;

	while (sweep->levels[n])
		n++;
	return n;
}

static int count_variants(const struct sweep *sweep)
{
	return (int)sweep->n_linkings * count_levels(sweep) * N_TOOLCHAINS;
}

static void run_variant(const struct sweep *sweep, int number)
{
	const struct linking *linking;
	struct support_variant variant;
	const char *level;
	char name[100], flags[100];

	variant.cc = compilers[number % (int)LEN(compilers)];
	number /= (int)LEN(compilers);
	variant.linker = linkers[number % (int)LEN(linkers)];
	number /= (int)LEN(linkers);
	level = sweep->levels[number % count_levels(sweep)];
	linking = &sweep->linkings[number / count_levels(sweep)];
	snprintf(name, sizeof(name), "%s%s-%s-%s", variant.cc, level,
		 variant.linker, linking->name);
	snprintf(flags, sizeof(flags), "%s -g", level);
	variant.name = name;
	variant.flags = flags;
	variant.worker_flags = linking->worker_flags;
	variant.host_flags = linking->host_flags;
	support_case_run(sweep->story, &variant);
}

/* All variants of all sweeps are numbered through. */
START_TEST(the_story_goes_as_expected_with_every_toolchain)
{
	const struct sweep *sweep = sweeps;
	int number = _i;

	for (; number >= count_variants(sweep); sweep++)
		number -= count_variants(sweep);
	run_variant(sweep, number);
}
END_TEST

static void add(Suite *suite)
{
	int first = 0;

	for (size_t i = 0; i < LEN(sweeps); i++) {
		TCase *tcase = support_tcase(suite, sweeps[i].story);
		int n = count_variants(&sweeps[i]);

		tcase_add_loop_test(
			tcase, the_story_goes_as_expected_with_every_toolchain,
			first, first + n);
		first += n;
	}
}

int main(void)
{
	return support_main("matrix", add);
}
