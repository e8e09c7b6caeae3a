/*
 * Pairs of sources with one change each, and what elfscan must find: these findings
 * and no other. Each old source is compiled in two ways as well, between which
 * nothing may be found, and compared through its baseline, which must say the same.
 * tests/pairs/README.md describes the files.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/own.h"
#include "tests/support.h"

enum { PAIRS_MAX = 1000 };

struct pair {
	char *name;
	char *old, *new;  /* sources */
	char *expected;   /* "12 layout:struct a; parameter-type:f" */
	const char *file; /* its name: "functions.pairs" */
	const struct language *language;
};

/* How sources are compiled: the pair, and the old one in another way. */
static const struct language {
	const char *mark; /* in the file's name */
	const char *ending;
	const char *compiler, *other;
	const char *options;
	const char *prelude;
} languages[] = {
	{ "cxx", "cc", "g++ -O2", "clang++ -O0 -gdwarf-4",
	  "-w -g -shared -fPIC -Wl,-soname,lib.so.1 -Wl,--no-as-needed", "" },
	{ "rust", "rs", "rustc -C opt-level=2", "rustc -C opt-level=0",
	  "-A warnings -g --edition=2021 --crate-name pair "
	  "--crate-type=cdylib -C panic=abort "
	  "-C link-arg=-Wl,-soname,lib.so.1",
	  "#![no_std]\n#[panic_handler]\n"
	  "fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n" },
	{ "", "c", "gcc -O2", "clang -O0 -gdwarf-4",
	  "-w -g -shared -fPIC -Wl,-soname,lib.so.1 -Wl,--no-as-needed", "" },
};

static struct pair pairs[PAIRS_MAX];
static int n_pairs;

/* --- the files --------------------------------------------------------------- */

static void append(char **text, const char *line)
{
	char *grown;

	if (asprintf(&grown, "%s%s", *text ? *text : "", line) < 0)
		abort();
	free(*text);
	*text = grown;
}

static const struct language *find_language(const char *file)
{
	const struct language *language = languages;

	while (!strstr(file, language->mark))
		language++;
	return language;
}

static void read_line(char *line, const char *file, bool *in_new)
{
	struct pair *pair = n_pairs ? &pairs[n_pairs - 1] : NULL;

	if (!strncmp(line, "== ", 3)) {
		line[strcspn(line, "\n")] = '\0';
		pairs[n_pairs++] = (struct pair){
			.name = strdup(line + 3),
			.file = file,
			.language = find_language(file),
		};
		*in_new = false;
	} else if (!pair) {
		return;
	} else if (!strncmp(line, "=> ", 3)) {
		line[strcspn(line, "\n")] = '\0';
		append(&pair->expected, line + 3);
	} else if (!strcmp(line, "--\n")) {
		*in_new = true;
	} else {
		append(*in_new ? &pair->new : &pair->old, line);
	}
}

static void read_file(const char *name)
{
	char path[512];
	const char *kept = strdup(name); /* as long as the pairs */
	char *HI_FREE line = NULL;
	size_t cap = 0;
	bool in_new = false;
	FILE *file;

	snprintf(path, sizeof(path), "tests/pairs/%s", name);
	file = fopen(path, "r");
	while (file && n_pairs < PAIRS_MAX && getline(&line, &cap, file) >= 0)
		read_line(line, kept, &in_new);
	if (file)
		fclose(file);
}

/* HOTINJECT_TEST_CASE: leave out all that is not asked for. */
static void narrow(const char *only)
{
	int n = 0;

	for (int i = 0; only && i < n_pairs; i++)
		if (!strcmp(pairs[i].name, only) ||
		    !strcmp(pairs[i].file, only))
			pairs[n++] = pairs[i];
	if (only)
		n_pairs = n;
}

static bool read_files(void)
{
	struct dirent **entries;
	int n = scandir("tests/pairs", &entries, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (strstr(entries[i]->d_name, ".pairs"))
			read_file(entries[i]->d_name);
	narrow(getenv("HOTINJECT_TEST_CASE"));
	return n_pairs > 0;
}

/* --- one pair ----------------------------------------------------------------- */

/* What stands behind KEY in the comments of a source, in one line. */
static char *find_notes(const char *source, const char *key)
{
	char *notes = strdup("");

	for (const char *at = source; (at = strstr(at, key));) {
		char *HI_FREE note = NULL;

		at += strlen(key);
		note = strndup(at, strcspn(at, "\n"));
		append(&notes, note);
		append(&notes, " ");
	}
	return notes;
}

/* All three at once: each compiler takes its time. */
static void compile(struct support *scene, const struct pair *pair)
{
	static const char *const names[] = { "old", "new", "same" };
	const struct language *language = pair->language;
	char *command = strdup("pids=;");

	for (int i = 0; i < 3; i++) {
		const char *source = i == 1 ? pair->new : pair->old;
		char *HI_FREE flags = find_notes(source, "// link: ");
		char *HI_FREE map = find_notes(source, "// map: ");
		char *HI_FREE line = NULL, *HI_FREE whole = NULL;
		char file[32];

		if (asprintf(&whole, "%s%s", language->prelude, source) < 0)
			abort();
		snprintf(file, sizeof(file), "%s.%s", names[i],
			 language->ending);
		support_write(scene, file, whole);
		snprintf(file, sizeof(file), "%s.map", names[i]);
		support_write(scene, file, map);
		if (asprintf(&line,
			     " %s %s %s%s%s -o %s.so %s.%s %s & "
			     "pids=\"$pids $!\";",
			     i == 2 ? language->other : language->compiler,
			     language->options,
			     *map ? "-Wl,--version-script=" : "",
			     *map ? names[i] : "", *map ? ".map" : "", names[i],
			     names[i], language->ending, flags) < 0)
			abort();
		append(&command, line);
	}
	append(&command, " for pid in $pids; do wait $pid || exit 1; done");
	support_shell(scene, "%s", command);
	free(command);
}

static int scan(struct support *scene, const char *arguments)
{
	const char *build = getenv("HOTINJECT_BUILD");
	char command[1024];
	int status;

	snprintf(command, sizeof(command),
		 "cd '%s' && '%s/elfscan' %s >out.json 2>err.txt",
		 support_path(scene, "."), build ? build : "build", arguments);
	/* NOLINTNEXTLINE(cert-env33-c): the shell is what a user has, too */
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* "12 id; id; ..." in order. */
static char *describe(struct support *scene, int status)
{
	json_t *root = json_load_file(support_path(scene, "out.json"), 0, NULL);
	json_t *findings = json_object_get(root, "findings"), *finding;
	char *text = NULL, number[16];
	size_t i;

	snprintf(number, sizeof(number), "%d", status);
	append(&text, number);
	json_array_foreach(findings, i, finding) {
		const char *scope =
			json_string_value(json_object_get(finding, "scope"));

		append(&text, i ? "; " : " ");
		if (!strcmp(scope, "live-state"))
			append(&text, "live ");
		append(&text,
		       json_string_value(json_object_get(finding, "id")));
	}
	json_decref(root);
	return text;
}

static void expect(struct support *scene, const struct pair *pair,
		   const char *arguments, const char *expected)
{
	char *HI_FREE found = describe(scene, scan(scene, arguments));

	if (strcmp(found, expected) != 0)
		support_fail(scene, "%s: %s: elfscan %s: '%s', expected '%s'",
			     pair->file, pair->name, arguments, found,
			     expected);
}

static void compare(struct support *scene, const struct pair *pair)
{
	compile(scene, pair);
	expect(scene, pair, "diff --format=json old.so new.so", pair->expected);
	if (scan(scene, "dump old.so") != 0)
		support_fail(scene, "no baseline");
	support_shell(scene, "mv out.json old.txt");
	expect(scene, pair, "check --strict --format=json old.txt new.so",
	       pair->expected);
	if (!strstr(pair->name, "(gcc)"))
		expect(scene, pair, "diff --format=json old.so same.so", "0");
}

START_TEST(a_pair_is_judged_as_expected)
{
	const struct pair *pair = &pairs[_i];
	struct support *scene = support_new("pair");

	if (!pair->old || !pair->new || !pair->expected)
		support_fail(scene, "%s: %s is not whole", pair->file,
			     pair->name);
	compare(scene, pair);
	support_free(scene);
}
END_TEST

/* --- long chains ---------------------------------------------------------------- */

/* How link %1$d of a chain is made of the one before, %2$d. */
static const struct chain {
	int len;
	const char *name, *first, *changed, *link, *user, *expected;
} chains[] = {
	{ 5000, "structs by pointer", "struct s0 { int a; };",
	  "struct s0 { long a; };",
	  "struct s%1$d { struct s%2$d *next; int a; };",
	  "int f(struct s%d *s) { return s->a; }", "4 live layout:struct s0" },
	{ 5000, "structs in structs", "struct s0 { int a; };",
	  "struct s0 { int a, b; };", "struct s%1$d { struct s%2$d in; };",
	  "int f(struct s%d *s) { return s != 0; }", "12 layout:struct s0" },
	{ 4000, "typedefs", "typedef int s0;", "typedef float s0;",
	  "typedef s%2$d s%1$d;", "int f(s%d a) { return (int)a; }",
	  "12 parameter-type:f" },
	/* which may be a circle of damaged debug information */
	{ 5000, "too many typedefs (gcc)", "typedef int s0;",
	  "typedef float s0;", "typedef s%2$d s%1$d;",
	  "int f(s%d a) { return (int)a; }", "16" },
};

static char *write_chain(const struct chain *chain, const char *first)
{
	char *source = NULL;
	size_t len;
	FILE *file = open_memstream(&source, &len);

	if (!file)
		abort();
	fprintf(file, "%s\n", first);
	/* NOLINTBEGIN(clang-diagnostic-format-nonliteral): from the table above */
	for (int i = 1; i < chain->len; i++) {
		fprintf(file, chain->link, i, i - 1);
		fputc('\n', file);
	}
	fprintf(file, chain->user, chain->len - 1);
	/* NOLINTEND(clang-diagnostic-format-nonliteral) */
	fputc('\n', file);
	fclose(file);
	return source;
}

START_TEST(a_long_chain_is_followed_to_its_end)
{
	const struct chain *chain = &chains[_i];
	struct support *scene = support_new("pair");
	char *HI_FREE old = write_chain(chain, chain->first);
	char *HI_FREE new = write_chain(chain, chain->changed);
	struct pair pair = { .name = (char *)chain->name,
			     .old = old,
			     .new = new,
			     .expected = (char *)chain->expected,
			     .file = "scan_pairs.c",
			     .language = find_language("") };

	compare(scene, &pair);
	support_free(scene);
}
END_TEST

static void add_pairs(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "pairs");

	tcase_add_loop_test(tcase, a_pair_is_judged_as_expected, 0, n_pairs);
	tcase_add_loop_test(tcase, a_long_chain_is_followed_to_its_end, 0,
			    sizeof(chains) / sizeof(chains[0]));
}

int main(void)
{
	if (!read_files()) {
		fputs("no pairs in tests/pairs\n", stderr);
		return EXIT_FAILURE;
	}
	return support_main("scan_pairs", add_pairs);
}
