/*
 * The reports of elfscan: what a person reads, and what programs read and rely on;
 * and elfscan(1), whose words and examples have to be true.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scan.h"

/* Old and new builds with something of each kind of report: accepted, live, a
   bit-field, names that have to be escaped, a function in assembler; and two rules
   that accept nothing. */
static struct support *make_scene(const char *name)
{
	struct support *scene = support_scan_new(name);

	support_write(scene, "accepted",
		      "symbol-added:more  always  it was asked for\n"
		      "unverified:quick  always  in assembler\n"
		      "*  2020-02-29  long ago\n"
		      "layout:gone  always  100% gone, they say: all\n");
	support_shell(scene, "echo '__asm__(\".globl quick; "
			     ".type quick, @function; "
			     "quick: ret\");' >>game.c");
	support_scan_compile(scene, "old.so",
			     "-g -DWORLD='int on : 1;' -DMORE='"
			     "void say(const char *format, int n) {}'");
	support_write(scene, "more.h",
		      "int more(void) { return 1; }\n"
		      "#line 7 \"odd, name: 100%\\n.c\"\n"
		      "void say(const char *format, ...) {}\n"
		      "#line 1 \"game.c\"\n");
	support_shell(scene, "sed -i 's/^MORE$/#include MORE/' game.c");
	support_scan_compile(scene, "new.so",
			     "-g -DWORLD='int on : 2; int depth;' "
			     "-DSCORE='int lives;' -DSECONDS=double "
			     "-DMORE='\"more.h\"'");
	support_shell(scene, "cp old.so bare.so; strip bare.so");
	return scene;
}

/* --- text ------------------------------------------------------------------------ */

/* Two members of long names and types in WORLD, behind others. */
#define WIDE                                                  \
	"unsigned long long a_member_of_a_long_name[10][20];" \
	"unsigned long long and_one_more_of_the_like[1];' "

START_TEST(the_text_fits_a_terminal)
{
	struct support *scene = make_scene("text");
	const char *text;

	support_scan_compile(scene, "wide.so", "-g -DWORLD='" WIDE);
	support_scan_compile(
		scene, "wider.so",
		"-g -DSECONDS=double -DWORLD='int depth, on;" WIDE);
	support_scan_expect(scene, 12,
			    "diff --allow=accepted wide.so wider.so");
	text = support_scan_output(scene);
	support_scan_holds(scene, text, "\n\nIncompatible\n\nstruct world ");
	support_scan_holds(scene, text, "old: 1616 bytes ");
	support_scan_holds(scene, text,
			   "\n  !    8 unsigned long long[10][20] a_...");
	support_scan_holds(scene, text, "\n    [layout:struct world]\n");
	support_shell(scene, "! grep -nE '.{81}| $' out.txt");
	support_scan_expect(scene, 20, "diff bare.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "Not verified, because too little is known of the "
			   "types of ");
	support_shell(scene, "! grep -nE '.{81}| $' out.txt");
	support_free(scene);
}
END_TEST

/* --- json ------------------------------------------------------------------------ */

/* Every key of ROOT and what is in it, into the set SEEN. */
static void collect_keys(json_t *root, json_t *seen)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value) {
		json_object_set_new(seen, key, json_true());
		collect_keys(value, seen);
	}
	for (size_t i = 0; i < json_array_size(root); i++)
		collect_keys(json_array_get(root, i), seen);
}

/* The page from the line FROM to the line TO; the caller frees it. */
static char *read_manual(struct support *scene, const char *from,
			 const char *to)
{
	char *HI_FREE page = support_read(
		scene, support_source(scene, "man/elfscan.1"), NULL);
	char *start = strstr(page, from);
	char *end = start ? strstr(start + strlen(from), to) : NULL;

	if (!end)
		support_fail(scene, "the manual has no part from '%s' to '%s'",
			     from, to);
	return end ? strndup(start, (size_t)(end - start)) : NULL;
}

/* The words of the macro Cm in TEXT, into the set WORDS. */
static void collect_words(const char *text, json_t *words)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		char *HI_FREE copy = strndup(line, len);
		char *rest = copy, *word = strtok_r(copy, " ", &rest);

		if (word && !strcmp(word, ".It"))
			word = strtok_r(NULL, " ", &rest);
		if (word && (!strcmp(word, ".Cm") || !strcmp(word, "Cm")))
			while ((word = strtok_r(NULL, " ", &rest)))
				if (isalpha((unsigned char)*word))
					json_object_set_new(words, word,
							    json_true());
		line += len + (line[len] == '\n');
	}
}

static void expect_all(struct support *scene, json_t *of, json_t *in,
		       const char *what)
{
	const char *key;
	json_t *value;

	json_object_foreach(of, key, value) {
		if (!json_object_get(in, key))
			support_fail(scene, "the key '%s' %s", key, what);
	}
}

START_TEST(json_has_the_keys_of_the_manual_and_no_other)
{
	struct support *scene = make_scene("json");
	json_t *root, *seen = json_object(), *told = json_object();
	char *HI_FREE part =
		read_manual(scene, ".It Cm version\n", ".It Cm github\n");

	support_scan_expect(scene, 12,
			    "diff --format=json --allow=accepted "
			    "old.so new.so");
	root = support_scan_json(scene);
	collect_keys(root, seen);
	collect_words(part, told);
	ck_assert_uint_gt(json_object_size(told), 25);
	expect_all(scene, seen, told, "is not in the manual");
	expect_all(scene, told, seen, "is in the manual alone");
	ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")),
			 "incompatible");
	json_decref(root);
	json_decref(seen);
	json_decref(told);
	support_free(scene);
}
END_TEST

static json_t *find(json_t *list, const char *key, const char *text)
{
	json_t *object;
	size_t i;

	json_array_foreach(list, i, object) {
		if (!strcmp(json_string_value(json_object_get(object, key)),
			    text))
			return object;
	}
	return NULL;
}

START_TEST(json_tells_the_same_as_the_text)
{
	struct support *scene = make_scene("values");
	json_t *root, *list, *world, *score, *more, *part;
	json_int_t incompatible, place, bits;

	support_scan_expect(scene, 12,
			    "diff --format=json --allow=accepted "
			    "old.so new.so");
	root = support_scan_json(scene);
	list = json_object_get(root, "findings");
	world = find(list, "id", "layout:struct world");
	score = find(list, "id", "layout:struct score");
	more = find(list, "id", "symbol-added:more");
	ck_assert_ptr_nonnull(world);
	ck_assert_ptr_nonnull(score);
	ck_assert_ptr_nonnull(more);
	ck_assert_str_eq(json_string_value(json_object_get(more, "accepted")),
			 "it was asked for");
	ck_assert_str_eq(json_string_value(json_object_get(score, "scope")),
			 "live-state");
	ck_assert_str_eq(json_string_value(json_object_get(world, "scope")),
			 "interface");
	ck_assert_str_eq(json_string_value(json_object_get(world, "file")),
			 "game.h");
	part = find(json_object_get(json_object_get(world, "new"), "parts"),
		    "name", "on");
	ck_assert_int_eq(json_unpack(part, "{s:I, s:I}", "place", &place,
				     "bits", &bits),
			 0);
	ck_assert_int_eq(place, 64);
	ck_assert_int_eq(bits, 2);
	ck_assert_int_eq(json_unpack(root, "{s:{s:I}}", "counts",
				     "incompatible", &incompatible),
			 0);
	/* the struct, a parameter, and the dots of say() */
	ck_assert_int_ge(incompatible, 3);
	json_decref(root);
	support_free(scene);
}
END_TEST

/* --- for review ------------------------------------------------------------------- */

START_TEST(an_export_of_one_build_has_a_place_in_the_source)
{
	struct support *scene = make_scene("place");

	support_scan_expect(scene, 28, "diff --format=github old.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "::notice file=more.h,line=1,title=symbol-added%3A"
			   "more::more(): is new");
	support_scan_expect(scene, 28, "diff --format=github new.so old.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "::error file=more.h,line=1,title=symbol-removed%3A"
			   "more::more(): is no longer exported");
	support_free(scene);
}
END_TEST

START_TEST(annotations_are_escaped)
{
	struct support *scene = make_scene("github");
	const char *text;

	support_scan_expect(scene, 12,
			    "diff --format=github --allow=accepted "
			    "old.so new.so");
	text = support_scan_output(scene);
	support_scan_holds(scene, text,
			   "::error file=odd%2C name%3A 100%25%0A.c,line=7,"
			   "title=parameter-");
	support_scan_holds(scene, text,
			   ",title=layout%3Astruct world::struct world ");
	support_scan_holds(scene, text, "::notice file=game.c,line=");
	support_scan_holds(scene, text,
			   "::warning file=accepted,line=4,title=unused rule::"
			   "the rule for layout:gone accepts nothing\n");
	support_scan_lacks(scene, text, "symbol-added");
	support_scan_lacks(scene, text, "not verified");
	/* each line is a command, apart from the verdict */
	support_shell(scene,
		      "test $(grep -cv '^::[a-z]* [^:]*::.' out.txt) = 1;"
		      "tail -n 1 out.txt | grep -x 'new.so: incompatible'");
	support_scan_expect(scene, 20, "diff --format=github bare.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "::warning title=not verified::too little is known "
			   "of the types of ");
	support_free(scene);
}
END_TEST

static void check_result(struct support *scene, json_t *result, json_t *rules)
{
	const char *rule, *level, *text, *uri;
	json_t *place, *region;
	int line;

	/* SARIF 2.1.0, 3.27: message is required; 3.27.10: the levels */
	ck_assert_int_eq(json_unpack(result, "{s:s, s:s, s:{s:s}}", "ruleId",
				     &rule, "level", &level, "message", "text",
				     &text),
			 0);
	ck_assert(!strcmp(level, "error") || !strcmp(level, "warning") ||
		  !strcmp(level, "note"));
	ck_assert_str_ne(text, "");
	if (!find(rules, "id", rule))
		support_fail(scene, "there is no rule %s", rule);
	place = json_object_get(
		json_array_get(json_object_get(result, "locations"), 0),
		"physicalLocation");
	ck_assert_int_eq(json_unpack(place, "{s:{s:s}}", "artifactLocation",
				     "uri", &uri),
			 0);
	if (strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-._~/%,") != strlen(uri))
		support_fail(scene, "'%s' is no URI", uri);
	region = json_object_get(place, "region");
	if (region) {
		ck_assert_int_eq(
			json_unpack(region, "{s:i}", "startLine", &line), 0);
		ck_assert_int_ge(line, 1);
	}
}

static void check_suppression(json_t *result, const char *reason)
{
	json_t *suppression =
		json_array_get(json_object_get(result, "suppressions"), 0);
	const char *kind, *justification;

	ck_assert_int_eq(json_unpack(suppression, "{s:s, s:s}", "kind", &kind,
				     "justification", &justification),
			 0);
	ck_assert_str_eq(kind, "external");
	ck_assert_str_eq(justification, reason);
}

START_TEST(sarif_is_as_the_standard_wants_it)
{
	struct support *scene = make_scene("sarif");
	const char *version, *schema, *name;
	json_t *root, *rules, *results, *result, *more;
	size_t i;

	support_scan_expect(scene, 12,
			    "diff --format=sarif --allow=accepted "
			    "old.so new.so");
	root = support_scan_json(scene);
	ck_assert_int_eq(json_unpack(root,
				     "{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:o}]}",
				     "version", &version, "$schema", &schema,
				     "runs", "tool", "driver", "name", &name,
				     "rules", &rules, "results", &results),
			 0);
	ck_assert_str_eq(version, "2.1.0");
	ck_assert_ptr_nonnull(strstr(schema, "sarif-2.1.0.json"));
	ck_assert_str_eq(name, "elfscan");
	ck_assert_uint_ge(json_array_size(results), 6);
	json_array_foreach(results, i, result) {
		check_result(scene, result, rules);
	}
	/* each rule once */
	json_array_foreach(rules, i, result) {
		ck_assert_ptr_eq(
			find(rules, "id",
			     json_string_value(json_object_get(result, "id"))),
			result);
	}
	more = find(results, "ruleId", "symbol-added");
	check_suppression(more, "it was asked for");
	check_suppression(find(results, "ruleId", "not-verified"),
			  "in assembler");
	ck_assert_ptr_nonnull(find(results, "ruleId", "unused-rule"));
	json_decref(root);
	support_scan_expect(scene, 20, "diff --format=sarif bare.so new.so");
	support_scan_holds(scene, support_scan_output(scene), "not-verified");
	support_free(scene);
}
END_TEST

/* --- the manual --------------------------------------------------------------------- */

/* The literal block of elfscan(1) that begins with BEGIN, into the file NAME. */
static void take_block(struct support *scene, const char *begin,
		       const char *name)
{
	char *HI_FREE head = NULL;
	char *HI_FREE block = NULL;
	char *text;

	ck_assert_int_gt(asprintf(&head, "indent\n%s", begin), 0);
	block = read_manual(scene, head, ".Ed\n");
	text = strchr(block, '\n') + 1;
	support_write(scene, name, strncmp(text, "\\&", 2) ? text : text + 2);
}

START_TEST(every_option_and_kind_is_in_the_manual)
{
	struct support *scene = support_scan_new("words");

	support_scan_expect(scene, 0, "--help");
	support_shell(scene,
		      "grep -o -- '--[a-z]*' out.txt | sort -u >options;"
		      "test $(wc -l <options) -ge 7;"
		      "while read -r option; do"
		      " grep \"^.It Fl -${option#--}\\b\" '%s' || exit 1;"
		      "done <options",
		      support_source(scene, "man/elfscan.1"));
	support_shell(scene,
		      "sed -n 's/^=> [0-9]* *//p' '%s'/*.pairs | tr ';' '\\n' |"
		      "sed 's/^ *//; s/^live //; s/:.*//; /^$/d' | sort -u "
		      ">kinds; test $(wc -l <kinds) -gt 15 || exit 1;"
		      "while read -r kind; do"
		      " grep -x \".It Cm $kind\" '%s' || exit 1;"
		      "done <kinds",
		      support_source(scene, "tests/pairs"),
		      support_source(scene, "man/elfscan.1"));
	support_free(scene);
}
END_TEST

START_TEST(the_baseline_and_rules_of_the_manual_can_be_read)
{
	struct support *scene = support_scan_new("example");

	take_block(scene, "elfscan baseline 1\n", "example.abi");
	support_scan_expect(scene, 0, "dump example.abi");
	support_shell(scene, "diff example.abi out.txt");
	take_block(scene, "# since 2.0\n", "rules");
	support_scan_expect(scene, 0,
			    "diff --allow=rules example.abi "
			    "example.abi");
	support_scan_holds(scene, support_scan_output(scene),
			   "rules:2: the rule for layout:struct cache* accepts "
			   "nothing\n");
	support_free(scene);
}
END_TEST

/* The rules of the manual, and one for the library. */
static void make_makefile(struct support *scene)
{
	take_block(scene, "\\&.PHONY: abi-check", "abi.mk");
	support_write(scene, "Makefile",
		      "include abi.mk\n"
		      "CFLAGS = -g\n"
		      "libgame.so: game.c game.h\n"
		      "\tgcc $(CFLAGS) $(MORE) -shared -fPIC -o $@ game.c\n");
}

START_TEST(the_makefile_of_the_manual_guards_the_interface)
{
	struct support *scene = support_scan_new("makefile");

	make_makefile(scene);
	support_shell(scene, "make abi-update && make abi-check");
	support_shell(scene, "touch game.c; make MORE='-DWORLD=\"int depth;\"' "
			     "abi-check >log.txt 2>&1; test $? = 2");
	support_shell(scene, "grep -F '[layout:struct world]' log.txt");
	support_shell(scene, "make abi-update && make abi-check");
	support_shell(scene, "grep depth libgame.abi");
	/* what a person types */
	take_block(scene, "$ elfscan dump", "1.txt");
	take_block(scene, "$ elfscan diff", "2.txt");
	support_shell(scene, "echo '#include \"game.h\"\nint main(void) "
			     "{ return !score_new(); }' >main.c;"
			     "gcc -g -o game main.c ./libgame.so;"
			     "cp libgame.so libgame.so.old;"
			     "sed -n 's/^\\$ //p' 1.txt 2.txt >lines;"
			     "test $(wc -l <lines) = 2 && sh -e lines");
	support_free(scene);
}
END_TEST

START_TEST(the_workflow_of_the_manual_fails_for_a_break)
{
	struct support *scene = support_scan_new("workflow");
	json_t *sarif;

	make_makefile(scene);
	support_shell(scene, "make abi-update; rm libgame.so");
	take_block(scene, "- uses: actions/checkout", "steps.yml");
	/* what a runner gives to "bash -e" */
	support_shell(scene,
		      "awk '/^  run: \\|$/ { on = 1; next }"
		      " /^  run: / { sub(/^  run: /, \"\"); print; next }"
		      " on && /^    / { sub(/^    /, \"\"); print; next }"
		      " { on = 0 }' steps.yml >steps.sh;"
		      "test $(wc -l <steps.sh) = 3");
	support_shell(scene, "bash -e steps.sh");
	support_shell(scene, "touch game.h; MORE=-DSECONDS=double bash -e "
			     "steps.sh >log.txt; test $? = 12");
	support_shell(scene, "grep '^::error .*parameter-type' log.txt");
	sarif = json_load_file(support_path(scene, "abi.sarif"), 0, NULL);
	ck_assert_ptr_nonnull(sarif);
	json_decref(sarif);
	support_shell(scene, "grep 'sarif_file: abi.sarif' steps.yml &&"
			     "grep '\"ruleId\": \"parameter-type\"' abi.sarif");
	support_free(scene);
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *reports = support_tcase(suite, "reports");
	TCase *manual = support_tcase(suite, "manual");

	tcase_add_test(reports, the_text_fits_a_terminal);
	tcase_add_test(reports, json_has_the_keys_of_the_manual_and_no_other);
	tcase_add_test(reports, json_tells_the_same_as_the_text);
	tcase_add_test(reports,
		       an_export_of_one_build_has_a_place_in_the_source);
	tcase_add_test(reports, annotations_are_escaped);
	tcase_add_test(reports, sarif_is_as_the_standard_wants_it);
	tcase_add_test(manual, every_option_and_kind_is_in_the_manual);
	tcase_add_test(manual,
		       the_baseline_and_rules_of_the_manual_can_be_read);
	tcase_add_test(manual, the_makefile_of_the_manual_guards_the_interface);
	tcase_add_test(manual, the_workflow_of_the_manual_fails_for_a_break);
}

int main(void)
{
	return support_main("scan_reports", add_tests);
}
