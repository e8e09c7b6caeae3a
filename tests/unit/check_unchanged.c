/*
 * What hi_is_unchanged() tells, beside the comparison of everything: whenever it says
 * that nothing has changed, that must find nothing either. For the pairs of sources in
 * tests/pairs, each linked with a larger unit that declares types of theirs, and for
 * some of its own.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/drift.h"
#include "elfscan/unchanged.h"
#include "tests/unit/fixture.h"

#define FLAGS       "-w -g -O2 -fPIC"
#define SOURCES_MAX 1000

/* --- builds ------------------------------------------------------------------- */

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_units *units;
	struct hi_model *model;
};

/* Variables are known by their names here, as far as both builds write them. */
static uint64_t get_key(void *context, const struct hi_symbol *symbol)
{
	uint64_t key = 5381;

	(void)context;
	for (const char *at = symbol->base; *at; at++)
		key = key * 33 + (unsigned char)*at;
	return symbol->compiler_made || symbol->exported ? 0 : key;
}

static const struct hi_model_kept by_name = { get_key, NULL };

static void build_open(struct build *build, const char *path,
		       const struct hi_units *before)
{
	struct hi_err err = { 0 };

	memset(build, 0, sizeof(*build));
	ck_assert_msg(hi_image_open(path, &build->image, &err) == 0 &&
			      hi_symtab_new(build->image, &build->symtab,
					    &err) == 0 &&
			      hi_units_new(build->image, build->symtab, &before,
					   1, &build->units, &err) == 0 &&
			      hi_model_new_from(build->image, build->symtab,
						&by_name, &build->model,
						&err) == 0,
		      "%s", err.sentence);
	ck_assert_msg(build->units, "%s: no units", path);
}

static void build_done(struct build *build)
{
	hi_model_free(build->model);
	hi_units_free(build->units);
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

/* What is told of two builds; fails when the whole comparison says otherwise. */
static bool tell(struct build *old, struct build *new, const char *what)
{
	struct hi_unchanged_side sides[] = {
		{ old->image, old->symtab, old->units, &by_name },
		{ new->image, new->symtab, new->units, &by_name },
	};
	bool unchanged = hi_is_unchanged(&sides[0], &sides[1]);
	struct hi_drift drift;
	struct hi_err err;

	ck_assert_int_eq(
		hi_drift_find(old->model, new->model, NULL, &drift, &err), 0);
	if (unchanged && drift.n_findings)
		ck_abort_msg("%s: unchanged, but %s: %s", what,
			     drift.findings[0].id, drift.findings[0].text);
	hi_drift_done(&drift);
	return unchanged;
}

static bool tell_files(struct hi_fixture *fx, const char *old_name,
		       const char *new_name, const char *what)
{
	struct build old, new;
	bool unchanged;

	build_open(&old, hi_fixture_path(fx, old_name), NULL);
	build_open(&new, hi_fixture_path(fx, new_name), old.units);
	unchanged = tell(&old, &new, what);
	build_done(&new);
	build_done(&old);
	return unchanged;
}

/* A unit that is larger than those it is linked with, and declares what they may
   define. */
static void write_other(struct hi_fixture *fx, const char *name)
{
	static const char *const types[] = { "struct a",     "struct s",
					     "struct pos",   "struct world",
					     "struct list",  "struct ops",
					     "struct state", "union u" };
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		fprintf(file,
			"%s;\n%s *other_declared_%zu(%s *p) { return p; }\n",
			types[i], types[i], i, types[i]);
	for (int i = 0; i < 60; i++)
		fprintf(file,
			"struct other_%d { int a, b, c; struct other_%d *d; };\n"
			"int other_get_%d(struct other_%d *o, int by)\n"
			"{ return o->a * by + o->d->b; }\n",
			i, i ? i - 1 : 0, i, i);
	fclose(file);
	hi_fixture_write(fx, name, text);
	free(text);
}

/* --- the pairs ------------------------------------------------------------------ */

struct source {
	char *name;
	char *text[2];
	bool is_cxx;
};

static struct source sources[SOURCES_MAX];
static size_t n_sources;
/* Each takes three compilers: one in so many will do, but with HOTINJECT_TEST_ALL. */
static size_t step = 8;

static void append(char **text, const char *line)
{
	char *grown;

	if (asprintf(&grown, "%s%s", *text ? *text : "", line) < 0)
		abort();
	free(*text);
	*text = grown;
}

static void read_pairs(const char *name)
{
	char path[512], *HI_FREE line = NULL;
	size_t cap = 0;
	int side = 0;
	FILE *file;

	snprintf(path, sizeof(path), "tests/pairs/%s", name);
	file = fopen(path, "r");
	while (file && getline(&line, &cap, file) >= 0) {
		if (!strncmp(line, "== ", 3)) {
			if (n_sources == SOURCES_MAX)
				break;
			sources[n_sources++] = (struct source){
				.name = strdup(line + 3),
				.is_cxx = strstr(name, "cxx"),
			};
			side = 0;
		} else if (!strcmp(line, "--\n")) {
			side = 1;
		} else if (n_sources && strncmp(line, "=> ", 3) != 0) {
			append(&sources[n_sources - 1].text[side], line);
		}
	}
	if (file)
		fclose(file);
}

/* All but those in Rust, which no second unit can be linked with. */
static void read_all_pairs(void)
{
	struct dirent **entries = NULL;
	int n = scandir("tests/pairs", &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (strstr(entries[i]->d_name, ".pairs") &&
		    !strstr(entries[i]->d_name, "rust"))
			read_pairs(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

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

/* TEXT and then MORE as NAME.so, with the other unit. */
static void compile(struct hi_fixture *fx, const struct source *source,
		    const char *name, const char *text, const char *more)
{
	char *HI_FREE flags = find_notes(text, "// link: ");
	char *HI_FREE map = find_notes(text, "// map: ");
	char *HI_FREE whole = NULL;
	const char *ending = source->is_cxx ? "cc" : "c";

	append(&whole, text);
	append(&whole, more);
	/* one name for both, as for two builds of one file */
	hi_fixture_write(fx, source->is_cxx ? "pair.cc" : "pair.c", whole);
	hi_fixture_write(fx, "pair.map", map);
	hi_fixture_run(fx,
		       "%s " FLAGS " -shared -Wl,-soname,lib.so.1 "
		       "-Wl,--no-as-needed %s -o %s pair.%s other.o %s",
		       source->is_cxx ? "g++" : "gcc",
		       *map ? "-Wl,--version-script=pair.map" : "", name,
		       ending, flags);
}

START_TEST(no_pair_is_called_unchanged_that_is_not)
{
	const struct source *source = &sources[_i * step];
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	write_other(&fx, source->is_cxx ? "other.cc" : "other.c");
	hi_fixture_run(&fx, "%s " FLAGS " -c -o other.o other.*",
		       source->is_cxx ? "g++" : "gcc");
	compile(&fx, source, "old.so", source->text[0], "");
	compile(&fx, source, "new.so", source->text[1], "");
	(void)tell_files(&fx, "old.so", "new.so", source->name);
	(void)tell_files(&fx, "new.so", "old.so", source->name);
	/* a function that nobody else sees, for some of them; what an indirect
	   function is called with may be said in any unit */
	if (_i % 4 == 0 && !strstr(source->text[0], "ifunc") &&
	    !strstr(source->text[0], "target_clones")) {
		compile(&fx, source, "more.so", source->text[0],
			"static __attribute__((used)) int more(int by)\n"
			"{ return by * 7; }\n");
		ck_assert_msg(
			tell_files(&fx, "old.so", "more.so", source->name),
			"%s: a static function is a change", source->name);
	}
	hi_fixture_done(&fx);
}
END_TEST

/* --- one change ------------------------------------------------------------------ */

static bool is_unchanged(const char *old, const char *new)
{
	struct source source = { .text = { (char *)old, (char *)new } };
	struct hi_fixture fx;
	bool unchanged;

	hi_fixture_init(&fx);
	write_other(&fx, "other.c");
	hi_fixture_run(&fx, "gcc " FLAGS " -c other.c");
	compile(&fx, &source, "old.so", old, "");
	compile(&fx, &source, "new.so", new, "");
	unchanged = tell_files(&fx, "old.so", "new.so", new);
	hi_fixture_done(&fx);
	return unchanged;
}

START_TEST(what_nobody_sees_changes_nothing)
{
	static const char old[] = "struct a { int x, y; };\n"
				  "int f(struct a *p) { return p->x; }\n";

	/* other lines, another body, a static function with a type of its own
	   behind a pointer that has no name */
	ck_assert(is_unchanged(old, "\n\n\nstruct a { int x, y; };\n"
				    "int f(struct a *p) { return p->y; }\n"));
	ck_assert(is_unchanged(old,
			       "static __attribute__((noinline)) int g(int a)\n"
			       "{ return a * a; }\n"
			       "struct a { int x, y; };\n"
			       "int f(struct a *p) { return g(p->x); }\n"));
}
END_TEST

START_TEST(a_type_that_another_unit_declares_is_looked_at)
{
	/* nothing of this unit leads to struct a */
	ck_assert(!is_unchanged("struct a { int x; };\nint f(int i)\n"
				"{ struct a v = { i }; return v.x; }\n",
				"struct a { int y, x; };\nint f(int i)\n"
				"{ struct a v = { 0, i }; return v.x; }\n"));
	/* it is defined for the first time */
	ck_assert(!is_unchanged("struct b { int x; };\nint f(int i)\n"
				"{ struct b v = { i }; return v.x; }\n",
				"struct a { int x; };\nint f(int i)\n"
				"{ struct a v = { i }; return v.x; }\n"));
}
END_TEST

START_TEST(a_symbol_that_changes_is_seen)
{
	ck_assert(!is_unchanged("int f(int a) { return a; }\n",
				"int f(long a) { return (int)a; }\n"));
	ck_assert(!is_unchanged("int f(int a) { return a; }\n",
				"int f(int a) { return a; }\nint v;\n"));
	ck_assert(!is_unchanged("int v = 1;\nint w = 2;\n",
				"int v = 1;\nfloat w = 2;\n"));
	ck_assert(!is_unchanged("enum e { A, B };\nint f(enum e a)"
				"{ return a; }\n",
				"enum e { B, A };\nint f(enum e a)"
				"{ return a; }\n"));
}
END_TEST

START_TEST(a_variable_that_is_kept_is_looked_at)
{
	static const char use[] = "int f(void) { return (int)v++; }\n";
	char old[128], new[128];

	snprintf(old, sizeof(old), "static int v = 1;\n%s", use);
	snprintf(new, sizeof(new), "static float v = 1;\n%s", use);
	ck_assert(!is_unchanged(old, new));
	snprintf(new, sizeof(new), "static int v = 2;\n\n%s", use);
	ck_assert(is_unchanged(old, new));
	/* what is new, or gone, is nobody's matter */
	snprintf(new, sizeof(new), "static int w, v = 2;\n%s%s", use,
		 "__attribute__((used)) static int g(void) { return w++; }\n");
	ck_assert(is_unchanged(old, new));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unchanged");
	TCase *tcase = tcase_create("changes"), *pairs = tcase_create("pairs");

	read_all_pairs();
	if (getenv("HOTINJECT_TEST_ALL"))
		step = 1;
	if (!n_sources) {
		fputs("no pairs in tests/pairs\n", stderr);
		return EXIT_FAILURE;
	}
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, what_nobody_sees_changes_nothing);
	tcase_add_test(tcase, a_type_that_another_unit_declares_is_looked_at);
	tcase_add_test(tcase, a_symbol_that_changes_is_seen);
	tcase_add_test(tcase, a_variable_that_is_kept_is_looked_at);
	tcase_set_timeout(pairs, 120);
	tcase_add_loop_test(pairs, no_pair_is_called_unchanged_that_is_not, 0,
			    (int)((n_sources + step - 1) / step));
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, pairs);
	return hi_fixture_main(suite);
}
