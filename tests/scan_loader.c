/*
 * What elfscan says of versions that came or went, beside what the loader does: a
 * host is linked with the old build and started with the new one, bound at once and
 * bound lazily.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scan.h"

/* What becomes of the host. */
enum fate {
	RUNS,
	WARNED, /* runs, and the loader complains */
	FAILS,
};

#define FUNCTION "int f(int a) { return a; }"
#define VARIABLE "int v = 1;"
#define NEEDS    "int puts(const char *); void say(void) { puts(\"\"); }"
#define TWO                                                                \
	"__asm__(\".symver f_old, f@V1\"); int f_old(int a) { return a; }" \
	"__asm__(\".symver f_new, f@@V2\"); int f_new(long a) { return 5; }"
#define V1        "V1 { global: f; v; local: *; };"
#define V1_AND_V2 V1 " V2 { global: f; } V1;"

/* The host returns f(1) + v - 2, which is 0 where it gets what it was linked with. */
static const struct change {
	const char *name;
	const char *old, *old_map, *new, *new_map;
	enum fate fate;
	int status;
	const char *says;
} changes[] = {
	{ "the same", FUNCTION VARIABLE, V1, FUNCTION VARIABLE, V1, RUNS, 0,
	  "the same" },
	{ "lost, with a table", FUNCTION VARIABLE NEEDS, V1,
	  FUNCTION VARIABLE NEEDS, "{ global: f; v; local: *; };", WARNED, 4,
	  "the loader warns" },
	{ "lost, without a table", FUNCTION VARIABLE, V1, FUNCTION VARIABLE, "",
	  FAILS, 12, "the loader ends a host" },
	{ "lost to other versions", FUNCTION VARIABLE, V1,
	  FUNCTION VARIABLE "int w;", "V9 { global: w; };", FAILS, 12,
	  "does not start a host" },
	{ "lost, but still defined", FUNCTION VARIABLE, V1,
	  FUNCTION VARIABLE "int w;", "V1 { global: w; };", RUNS, 4,
	  "f(): is no longer in version V1" },
	{ "gained", FUNCTION VARIABLE, "", FUNCTION VARIABLE, V1, RUNS, 4,
	  "V1: is new" },
	{ "gained, and the first is old", FUNCTION VARIABLE, "", TWO VARIABLE,
	  V1_AND_V2, RUNS, 4, "V1: is new" },
	{ "gained, and the first is empty", FUNCTION VARIABLE, "", TWO VARIABLE,
	  "V0 { }; " V1_AND_V2, FAILS, 12,
	  "parameter 1 changed from 'int' to 'long'" },
	{ "gained, but hidden", FUNCTION VARIABLE, "",
	  "__asm__(\".symver f_old, f@V1\"); int f_old(int a) { return a; }" VARIABLE,
	  "V0 { global: v; }; V1 { global: f; local: *; };", FAILS, 12,
	  "f(): is no longer exported" },
};

enum { N_CHANGES = sizeof(changes) / sizeof(changes[0]) };

static void compile(struct support *scene, const char *folder,
		    const char *source, const char *map)
{
	char file[32];

	support_shell(scene, "mkdir %s", folder);
	snprintf(file, sizeof(file), "%s/lib.c", folder);
	support_write(scene, file, source);
	snprintf(file, sizeof(file), "%s/lib.map", folder);
	support_write(scene, file, map);
	/* without the startup files, which need a version of libc */
	support_shell(scene,
		      "cd %s && gcc -w -g -nostartfiles -shared -fPIC "
		      "-Wl,-soname,lib.so %s -o lib.so lib.c",
		      folder, *map ? "-Wl,--version-script=lib.map" : "");
}

static void link_host(struct support *scene)
{
	support_write(scene, "host.c",
		      "int f(int a); extern int v;"
		      "int main(void) { return f(1) + v - 2; }");
	support_shell(scene, "gcc -o lazy host.c old/lib.so -Wl,-z,lazy;"
			     "gcc -o now host.c old/lib.so -Wl,-z,now;"
			     "gcc -no-pie -fno-pic -o copy host.c old/lib.so");
}

static void start(struct support *scene, const char *host, enum fate fate)
{
	support_shell(scene,
		      "status=0; LD_LIBRARY_PATH=new ./%s 2>%s.txt ||"
		      " status=$?; cat %s.txt; test $status %s 0;"
		      "test \"$(grep -c 'no version information' %s.txt)\" %s",
		      host, host, host, fate == FAILS ? "-ne" : "-eq", host,
		      fate == WARNED ? "-eq 1" :
		      fate == RUNS   ? "-eq 0" :
				       "-le 1");
}

START_TEST(the_loader_does_what_was_said)
{
	static const char *const hosts[] = { "lazy", "now", "copy" };
	const struct change *change = &changes[_i];
	struct support *scene = support_scan_new("loader");

	support_shell(scene, ": '%s'", change->name);
	compile(scene, "old", change->old, change->old_map);
	compile(scene, "new", change->new, change->new_map);
	link_host(scene);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		support_shell(scene, "LD_LIBRARY_PATH=old ./%s", hosts[i]);
		start(scene, hosts[i], change->fate);
	}
	support_scan_expect(scene, change->status,
			    "diff old/lib.so new/lib.so");
	support_scan_holds(scene, support_scan_output(scene), change->says);
	support_free(scene);
}
END_TEST

static void add_tests(Suite *suite)
{
	tcase_add_loop_test(support_tcase(suite, "versions"),
			    the_loader_does_what_was_said, 0, N_CHANGES);
}

int main(void)
{
	return support_main("scan_loader", add_tests);
}
