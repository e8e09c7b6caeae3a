/*
 * elfscan as a user meets it: the command line, exit statuses, baselines, accepted
 * findings, and for whom a library is judged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scan.h"

/* --- the command line -------------------------------------------------------- */

static const struct {
	const char *arguments;
	int status;
	const char *text;
} wrong[] = {
	{ "", 3, "elfscan: diff, dump or check is missing\nhint: see" },
	{ "frob a b", 3, "'frob' is none of diff, dump and check" },
	{ "diff old.so", 3, "diff takes two files" },
	{ "check a b c", 3, "check takes two files" },
	{ "dump", 3, "dump takes one library" },
	{ "diff --format=xml a b", 3,
	  "--format is text, json, github or sarif, not 'xml'" },
	{ "diff --frob a b", 3, "'--frob' is no option" },
	{ "diff a b --allow", 3, "--allow needs a value" },
	{ "dump --format=json old.so", 3,
	  "dump takes no --format: it writes the whole interface, and judges "
	  "nothing\nhint: give --format to diff or check\n" },
	{ "dump --host=program old.so", 3, "dump takes no --host: " },
	{ "dump old.so --headers=empty", 3, "dump takes no --headers: " },
	{ "dump --allow=nope --strict old.so", 3, "dump takes no --allow: " },
	{ "dump --strict old.so", 3, "dump takes no --strict: " },
	{ "diff nope.so old.so", 1,
	  "cannot open nope.so: No such file or directory" },
	{ "check old.so nope.so", 1, "cannot open nope.so" },
	{ "dump nope.so", 1, "cannot open nope.so" },
	{ "diff old.so game.c", 1, "game.c is not an ELF file" },
	{ "dump program", 1, "is an executable, not a shared library" },
	{ "diff old.so cut.so", 1, "cut.so ends" },
	{ "diff --host=nope old.so old.so", 1, "nope cannot be opened" },
	{ "diff --host=game.c old.so old.so", 1, "game.c is not an ELF file" },
	{ "diff --headers=nope old.so old.so", 1,
	  "cannot read the headers in nope" },
	{ "diff --headers=empty old.so old.so", 1,
	  "there is no file in empty" },
	{ "diff --allow=nope old.so old.so", 1, "cannot open nope" },
	{ "diff --allow=empty old.so old.so", 1,
	  "cannot read empty: Is a directory" },
};

START_TEST(what_is_wrong_is_said_and_nothing_reported)
{
	struct support *scene = support_scan_new("wrong");

	support_scan_compile(scene, "old.so", "-g");
	support_shell(scene, "head -c 5000 old.so >cut.so; mkdir empty;"
			     "echo 'int main(void) { return 0; }' >p.c;"
			     "gcc -o program p.c");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		support_scan_expect(scene, wrong[i].status, "%s",
				    wrong[i].arguments);
		support_scan_holds(scene, support_scan_errors(scene),
				   wrong[i].text);
		ck_assert_str_eq(support_scan_output(scene), "");
	}
	support_free(scene);
}
END_TEST

START_TEST(help_and_version_are_printed)
{
	struct support *scene = support_scan_new("help");

	support_scan_expect(scene, 0, "--help");
	support_scan_holds(scene, support_scan_output(scene),
			   "usage: elfscan diff [option ...] OLD NEW\n");
	support_scan_expect(scene, 0, "dump --strict --help");
	support_scan_expect(scene, 0, "diff --version");
	ck_assert_int_eq(strncmp(support_scan_output(scene), "elfscan ", 8), 0);
	ck_assert_str_eq(support_scan_errors(scene), "");
	support_free(scene);
}
END_TEST

/* A verdict that nobody could read is none. */
START_TEST(a_report_that_cannot_be_written_is_an_error)
{
	static const char *const arguments[] = {
		"--help", "--version", "dump old.so", "diff old.so new.so",
		"check --format=json old.so new.so"
	};
	struct support *scene = support_scan_new("full");

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", "-g -DSECONDS=double");
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		support_scan_expect(scene, 1, "%s >/dev/full", arguments[i]);
		support_scan_holds(scene, support_scan_errors(scene),
				   "elfscan: cannot write to standard output: "
				   "No space left on device");
	}
	support_free(scene);
}
END_TEST

/* --- exit statuses ------------------------------------------------------------ */

static const struct {
	const char *flags;
	bool stripped;
	int diff, check, strict;
	const char *verdict;
} statuses[] = {
	{ "-g -O2", false, 0, 0, 0, "identical" },
	{ "-g -DMORE='int more(void) { return 1; }'", false, 4, 0, 4,
	  "compatible" },
	{ "-g -DSCORE='int lives;'", false, 4, 0, 4, "compatible" },
	{ "-g -DSECONDS=double", false, 12, 12, 12, "incompatible" },
	{ "-g -DWORLD='int depth;'", false, 12, 12, 12, "incompatible" },
	{ "-g", true, 16, 16, 16, "identical" },
	{ "-DMORE='int more(void) { return 1; }'", false, 20, 16, 20,
	  "compatible" },
	{ "-DLESS", false, 28, 28, 28, "incompatible" },
};

static void expect_verdict(struct support *scene, const char *verdict,
			   bool verified)
{
	json_t *root = support_scan_json(scene);

	ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")),
			 verdict);
	ck_assert(json_is_boolean(json_object_get(root, "verified")));
	ck_assert_int_eq(json_is_true(json_object_get(root, "verified")),
			 verified);
	json_decref(root);
}

START_TEST(each_verdict_has_its_exit_status)
{
	struct support *scene = support_scan_new("status");

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", statuses[_i].flags);
	if (statuses[_i].stripped)
		support_shell(scene, "strip new.so");
	support_scan_expect(scene, statuses[_i].diff,
			    "diff --format=json old.so new.so");
	expect_verdict(scene, statuses[_i].verdict, statuses[_i].diff < 16);
	support_scan_expect(scene, statuses[_i].check, "check old.so new.so");
	support_scan_expect(scene, statuses[_i].strict,
			    "check --strict old.so new.so");
	support_scan_expect(scene, 0, "dump old.so >old.abi");
	support_scan_expect(scene, statuses[_i].diff, "diff old.abi new.so");
	support_scan_expect(scene, statuses[_i].check, "check old.abi new.so");
	support_free(scene);
}
END_TEST

/* --- baselines ----------------------------------------------------------------- */

START_TEST(a_dump_is_sorted_and_stable)
{
	static const char *const words[] = { "function", "base", "struct" };
	struct support *scene = support_scan_new("dump");

	support_shell(scene, "mkdir a b");
	support_scan_compile(scene, "a/lib.so", "-g");
	/* the last function becomes the first, and all the code another */
	support_shell(scene, "{ sed -n 1,2p game.c; tail -n 2 game.c;"
			     "sed 1,2d game.c | head -n -2; } >game.2.c;"
			     "mv game.2.c game.c");
	support_scan_compile(scene, "b/lib.so", "-g -O2 -gdwarf-4");
	support_scan_expect(scene, 0, "dump a/lib.so >1");
	support_scan_expect(scene, 0, "dump a/lib.so >2");
	support_scan_expect(scene, 0, "dump b/lib.so >3");
	support_scan_expect(scene, 0, "dump 1 >4");
	support_shell(scene, "cmp 1 2 && cmp 1 3 && cmp 1 4");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		support_shell(scene,
			      "grep '^%s ' 1 >found && test $(wc -l <found) "
			      "-gt 1 && LC_ALL=C sort -c found",
			      words[i]);
	/* nothing in it that differs from build to build */
	support_shell(scene, "! grep -e game.c -e game.h -e '%s' 1",
		      support_path(scene, "."));
	support_free(scene);
}
END_TEST

static const struct {
	const char *edit; /* of sed(1) */
	const char *text;
} damages[] = {
	{ "1s/1/2/",
	  "bad.abi:1: version 2 of the format is newer than 1, which "
	  "this elfscan reads\nhint: " },
	{ "1s/$/ more/",
	  "bad.abi:1: the line goes on in a way that is not known" },
	{ "6i frob",
	  "bad.abi:6: a line that begins in a way that is not known" },
	{ "6i function f", "bad.abi:6: ':' and a type are missing" },
	{ "6i function f odd : int",
	  "bad.abi:6: an attribute that is not known" },
	{ "6i function f : int (int", "bad.abi:6: " },
	{ "6i function f : struct nowhere *",
	  "bad.abi:6: type nowhere is nowhere described" },
	{ "6i \\  @0 x : int", "bad.abi:6: this line belongs to no type" },
	{ "6i variable v = many bytes : int", "bad.abi:6: no number" },
	{ "6i variable v = 99999999999999999999 bytes : int",
	  "bad.abi:6: no number" },
	{ "6i base x = odd 4", "bad.abi:6: an encoding that is not known" },
	{ "6i base x = signed 4 4",
	  "bad.abi:6: the line goes on in a way that is not known" },
	{ "6i soname a b",
	  "bad.abi:6: the line goes on in a way that is not known" },
	{ "6i soname \\x00", "bad.abi:6: a zero byte in the text" },
	{ "2d", "bad.abi:2: no line names the library that it is of" },
	{ "1s/$/\\x00 more/", "bad.abi:1: a zero byte in the text" },
	{ "6i function \"f : int", "bad.abi:6: a name in quotes does not end" },
};

START_TEST(a_damaged_baseline_is_refused_with_the_line)
{
	struct support *scene = support_scan_new("damage");

	support_scan_compile(scene, "old.so", "-g");
	support_scan_expect(scene, 0, "dump old.so >old.abi");
	support_shell(scene, "sed '6i # a remark' old.abi >bad.abi");
	support_scan_expect(scene, 0, "diff bad.abi old.so");
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		support_shell(scene, "sed '%s' old.abi >bad.abi",
			      damages[i].edit);
		support_scan_expect(scene, 1, "check bad.abi old.so");
		support_scan_holds(scene, support_scan_errors(scene),
				   damages[i].text);
		ck_assert_str_eq(support_scan_output(scene), "");
	}
	support_free(scene);
}
END_TEST

/* --- accepted findings ---------------------------------------------------------- */

static void allow(struct support *scene, const char *rules, int status)
{
	support_write(scene, "accepted", rules);
	support_scan_expect(scene, status,
			    "diff --allow=accepted old.so new.so");
}

START_TEST(a_rule_accepts_findings)
{
	struct support *scene = support_scan_new("allow");
	const char *text;

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so",
			     "-g -DSECONDS=double -DWORLD='int depth;'");
	allow(scene, "# nothing yet\n\n", 12);
	/* one of the two is left */
	allow(scene, "layout:struct world  always  all are rebuilt\n", 12);
	text = support_scan_output(scene);
	support_scan_lacks(scene, text, "[layout:struct world]");
	support_scan_holds(scene, text, "[parameter-type:world_update]");
	support_scan_holds(scene, text,
			   "1 incompatible, 0 compatible, 0 of "
			   "live state, 1 accepted");
	allow(scene,
	      "layout:struct w*\t2999-12-31\tall are rebuilt\r\n"
	      "*:*_update  always  really\r\n",
	      0);
	support_scan_lacks(scene, support_scan_output(scene), "the rule for");
	support_free(scene);
}
END_TEST

START_TEST(a_rule_that_accepts_nothing_is_reported)
{
	struct support *scene = support_scan_new("unused");
	const char *text;
	json_t *root, *rules;

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", "-g -DSECONDS=double");
	allow(scene,
	      "*  2020-02-29  long ago\nlayout:gone  always  was there\n", 12);
	text = support_scan_output(scene);
	support_scan_holds(scene, text,
			   "accepted:1: the rule for * is over: its last day "
			   "has passed\n");
	support_scan_holds(scene, text,
			   "accepted:2: the rule for layout:gone accepts "
			   "nothing\n");
	support_scan_expect(scene, 12,
			    "diff --format=github --allow=accepted "
			    "old.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "::warning file=accepted,line=2,title=unused rule::"
			   "the rule for layout:gone accepts nothing\n");
	support_scan_expect(scene, 12,
			    "diff --format=json --allow=accepted "
			    "old.so new.so");
	root = support_scan_json(scene);
	rules = json_object_get(root, "unused_rules");
	ck_assert_uint_eq(json_array_size(rules), 2);
	ck_assert(json_is_true(
		json_object_get(json_array_get(rules, 0), "expired")));
	ck_assert(json_is_false(
		json_object_get(json_array_get(rules, 1), "expired")));
	json_decref(root);
	support_free(scene);
}
END_TEST

START_TEST(a_rule_that_is_not_whole_is_refused)
{
	static const char *const rules[] = {
		"#\nlayout:struct world\n",
		"#\nlayout:struct world  always\n",
		"#\nlayout:struct world  always   \n",
		"#\nlayout:struct world  tomorrow  it will be so\n",
		"#\nlayout:struct world  2027-13-01  a day of no month\n",
		"#\nlayout:struct world  2027-01-00  a day of no month\n",
	};
	struct support *scene = support_scan_new("rule");

	support_scan_compile(scene, "old.so", "-g");
	support_shell(scene, "cp old.so new.so");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		allow(scene, rules[i], 1);
		support_scan_holds(
			scene, support_scan_errors(scene),
			i < 3 ? "accepted:2: a rule is an id, a "
				"last day or 'always', and a reason" :
				"accepted:2: the last day is "
				"written 2027-03-31, or 'always'");
	}
	support_free(scene);
}
END_TEST

/* Functions in assembler have no types. */
static struct support *make_assembler(const char *name)
{
	struct support *scene = support_scan_new(name);

	support_shell(scene, "echo '__asm__(\".globl fast_copy, fast_set; "
			     ".type fast_copy, @function; "
			     ".type fast_set, @function; "
			     "fast_copy: nop; fast_set: ret\");' >>game.c");
	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", "-g -O2");
	return scene;
}

START_TEST(what_is_not_verified_is_accepted_by_its_name_alone)
{
	struct support *scene = make_assembler("unverified");
	const char *text;

	/* a rule for all findings is none for what nobody has looked at */
	allow(scene, "*  always  whatever it is\n", 16);
	text = support_scan_output(scene);
	support_scan_holds(scene, text, "types of fast_copy, fast_set\n(");
	support_scan_holds(scene, text,
			   "\n    [unverified:fast_copy] "
			   "[unverified:fast_set]\n");
	support_scan_holds(scene, text, "the rule for * accepts nothing\n");
	allow(scene, "unverified:fast_copy  always  in assembler\n", 16);
	text = support_scan_output(scene);
	support_scan_lacks(scene, text, "fast_copy");
	support_scan_holds(scene, text, "[unverified:fast_set]");
	support_scan_lacks(scene, text, "the rule for");
	allow(scene, "unverified:fast_*  2999-12-31  in assembler\n", 0);
	text = support_scan_output(scene);
	support_scan_holds(scene, text, "new.so: the same\n");
	support_scan_holds(scene, text, ", 2 not verified and accepted\n");
	support_scan_lacks(scene, text, "Not verified");
	allow(scene, "unverified:fast_*  2020-02-29  in assembler\n", 16);
	support_scan_holds(scene, support_scan_output(scene),
			   "the rule for unverified:fast_* is over");
	/* what is verified needs no rule */
	allow(scene, "unverified:world_update  always  once\n", 16);
	support_scan_holds(scene, support_scan_output(scene),
			   "the rule for unverified:world_update accepts "
			   "nothing\n");
	support_free(scene);
}
END_TEST

START_TEST(reports_tell_what_is_accepted_without_being_verified)
{
	struct support *scene = make_assembler("accepted-unverified");
	const char *text;
	json_t *root, *known;

	support_write(scene, "accepted",
		      "unverified:fast_*  always  in assembler\n");
	support_scan_expect(scene, 0,
			    "diff --format=json --allow=accepted "
			    "old.so new.so");
	root = support_scan_json(scene);
	known = json_object_get(root, "accepted_unverified");
	ck_assert(json_is_true(json_object_get(root, "verified")));
	ck_assert_uint_eq(json_array_size(json_object_get(root, "unverified")),
			  0);
	ck_assert_uint_eq(json_array_size(known), 2);
	known = json_array_get(known, 1);
	ck_assert_str_eq(json_string_value(json_object_get(known, "export")),
			 "fast_set");
	ck_assert_str_eq(json_string_value(json_object_get(known, "accepted")),
			 "in assembler");
	json_decref(root);
	support_scan_expect(scene, 0,
			    "diff --format=sarif --allow=accepted "
			    "old.so new.so");
	text = support_scan_output(scene);
	support_scan_holds(scene, text,
			   "too little is known of the types of fast_copy");
	support_scan_holds(scene, text, "\"justification\": \"in assembler\"");
	support_scan_expect(scene, 0,
			    "check --format=github --allow=accepted "
			    "old.so new.so");
	ck_assert_str_eq(support_scan_output(scene), "new.so: the same\n");
	support_free(scene);
}
END_TEST

/* --- for whom ------------------------------------------------------------------ */

static void make_host(struct support *scene, const char *name,
		      const char *source, const char *flags)
{
	support_write(scene, "host.c", source);
	support_shell(scene, "gcc %s -o %s host.c old.so -Wl,-rpath,'$ORIGIN'",
		      flags, name);
}

START_TEST(a_host_is_judged_by_what_it_uses)
{
	struct support *scene = support_scan_new("host");

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so",
			     "-g -DSECONDS=double -DSCORE='int lives;'");
	make_host(scene, "keeps_score",
		  "#include \"game.h\"\n"
		  "int main(void) { return score_get(score_new()); }\n",
		  "-g");
	make_host(scene, "has_world",
		  "#include \"game.h\"\n"
		  "int main(void) { struct world w = {0};"
		  " world_update(&w, 1); return w.width; }\n",
		  "-g");
	support_scan_expect(scene, 12, "diff old.so new.so");
	support_scan_expect(scene, 4, "diff --host=keeps_score old.so new.so");
	support_scan_lacks(scene, support_scan_output(scene), "world_update");
	support_scan_expect(scene, 12, "diff --host=has_world old.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "[parameter-type:world_update]");
	support_scan_lacks(scene, support_scan_output(scene), "struct score");
	support_free(scene);
}
END_TEST

/* Taken by pointer and never handed out, a struct is the host's own; unless it
   says that it knows no more than the name. */
START_TEST(a_host_that_knows_only_the_name_is_not_broken)
{
	static const char uses[] =
		"struct world; void world_update(struct world *, float);\n"
		"int main(int n, char **v)"
		"{ world_update((struct world *)v, n); return 0; }\n";
	struct support *scene = support_scan_new("declared");

	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", "-g -DWORLD='int depth;'");
	support_scan_expect(scene, 12, "diff old.so new.so");
	make_host(scene, "host", uses, "-g");
	support_scan_expect(scene, 4, "diff --host=host old.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "(live state)\n\nstruct world grew");
	/* without debug information it has not said so */
	make_host(scene, "host", uses, "-s");
	support_scan_expect(scene, 12, "diff --host=host old.so new.so");
	support_free(scene);
}
END_TEST

/* Debug information that is damaged, or of a compiler that is not known. */
START_TEST(virtual_functions_without_names_of_their_own_are_told_by_slot)
{
	struct support *scene = support_scan_new("slots");

	support_write(scene, "old.abi",
		      "elfscan baseline 1\nlibrary lib.so\n\n"
		      "function f : void (class a * : p)\n\n"
		      "base int = signed 4\n\n"
		      "class a = 8 bytes\n"
		      "  slot 0 \"\" : void (class a *)\n"
		      "  slot 1 run : void (class a *)\n"
		      "  slot 2 run : void (class a *, int)\n\nend\n");
	support_shell(scene, "sed 's/slot 2/slot 3/' old.abi >moved.abi\n"
			     "sed '/slot 0/d' old.abi >gone.abi");
	support_scan_expect(scene, 0, "diff old.abi old.abi");
	support_scan_expect(scene, 12, "diff old.abi moved.abi");
	support_scan_expect(scene, 12, "diff old.abi gone.abi");
	support_scan_holds(scene, support_scan_output(scene),
			   "is gone from slot 0");
	support_free(scene);
}
END_TEST

START_TEST(types_of_other_headers_are_private)
{
	struct support *scene = support_scan_new("headers");

	support_shell(scene, "mkdir -p public/sub other; cp game.h public/sub;"
			     "touch other/else.h");
	support_scan_compile(scene, "old.so", "-g");
	support_scan_compile(scene, "new.so", "-g -DWORLD='int depth;'");
	support_scan_compile(scene, "inner.so", "-g -DSCORE='int lives;'");
	support_scan_expect(scene, 0, "dump old.so >old.abi");
	for (int i = 0; i < 2; i++) {
		const char *old = i ? "old.abi" : "old.so";

		support_scan_expect(scene, 12,
				    "diff --headers=public %s new.so", old);
		support_scan_expect(scene, 4, "diff --headers=other %s new.so",
				    old);
		support_scan_expect(scene, 4,
				    "diff --headers=public %s "
				    "inner.so",
				    old);
	}
	/* handed out by pointer: only a header makes it public */
	support_shell(scene, "touch public/game.c");
	support_scan_expect(scene, 12, "diff --headers=public old.so inner.so");
	support_free(scene);
}
END_TEST

/* --- all of them ----------------------------------------------------------------- */

static void add_tests(Suite *suite)
{
	TCase *command = support_tcase(suite, "command");
	TCase *files = support_tcase(suite, "files");
	TCase *audience = support_tcase(suite, "audience");

	tcase_add_test(command, what_is_wrong_is_said_and_nothing_reported);
	tcase_add_test(command, help_and_version_are_printed);
	tcase_add_test(command, a_report_that_cannot_be_written_is_an_error);
	tcase_add_loop_test(command, each_verdict_has_its_exit_status, 0,
			    sizeof(statuses) / sizeof(statuses[0]));
	tcase_add_test(files, a_dump_is_sorted_and_stable);
	tcase_add_test(files, a_damaged_baseline_is_refused_with_the_line);
	tcase_add_test(files, a_rule_accepts_findings);
	tcase_add_test(files, a_rule_that_accepts_nothing_is_reported);
	tcase_add_test(files, a_rule_that_is_not_whole_is_refused);
	tcase_add_test(files,
		       what_is_not_verified_is_accepted_by_its_name_alone);
	tcase_add_test(files,
		       reports_tell_what_is_accepted_without_being_verified);
	tcase_add_test(audience, a_host_is_judged_by_what_it_uses);
	tcase_add_test(audience, a_host_that_knows_only_the_name_is_not_broken);
	tcase_add_test(
		files,
		virtual_functions_without_names_of_their_own_are_told_by_slot);
	tcase_add_test(audience, types_of_other_headers_are_private);
}

int main(void)
{
	return support_main("scan_command", add_tests);
}
