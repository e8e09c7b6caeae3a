/*
 * The reports that programs read, against the schemas in tests/schemas: JSON as
 * elfscan(1) describes it, and SARIF as its standard does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scan.h"
#include "tests/support_schema.h"

static const char source[] =
	"enum kind { NONE = -1, SOME, MORE };\n"
	"struct root { int id; virtual ~root(); virtual int run(int a); };\n"
	"struct left : virtual root { FIRST long l; };\n"
	"struct right { char r[3]; };\n"
	"struct both : right, left {\n"
	"	enum kind kind; int on : 3; int *list[4]; int (root::*call)(int);\n"
	"	union { int i; float f; };\n"
	"	both(); int run(int a) override; VIRTUAL FIRST\n"
	"};\n"
	"root::~root() { } int root::run(int a) { return a; }\n"
	"both::both() { } int both::run(int a) { return a + 1; }\n"
	"extern \"C\" int take(both *b, PARAMETER a) { return b->run((int)a); }\n"
	"extern \"C\" int odd(PARAMETER a) __asm__(\"odd\\377\\303\\244\");\n"
	"extern \"C\" int odd(PARAMETER a) { return (int)a; }\n";

/* Where each report comes from, in a scene of make_scene(). */
static const struct run {
	const char *arguments;
	int status;
} runs[] = {
	{ "old.so new.so", 12 },
	{ "new.so old.so", 12 },
	{ "--allow=rules old.so new.so", 12 },
	{ "old.so old.so", 0 },
	{ "bare.so old.so", 16 },
	{ "--allow=known bare.so old.so", 0 },
	{ "old.abi new.so", 12 },
	{ "old.so 'odd: \xff\xc3\xa4 100%.so'", 12 },
	{ "\"$PWD/old.so\" \"$PWD/new.so\"", 12 },
};

static struct support *make_scene(const char *name)
{
	struct support *scene = support_scan_new(name);

	support_write(scene, "lib.cc", source);
	support_shell(
		scene,
		"make() { name=$1; shift; g++ -g -O1 -shared -fPIC "
		"-Wl,-soname,lib.so -o $name \"$@\" lib.cc; }\n"
		"make old.so -DFIRST= -DVIRTUAL= -DPARAMETER=int\n"
		"sed -i 's/MORE }/MORE = 7 }/' lib.cc\n"
		"make new.so -DFIRST='int first;' -DPARAMETER=double "
		"-DVIRTUAL='virtual int more() { return 1; }'\n"
		"cp new.so \"$(printf 'odd: \\377\\303\\244 100%%%%.so')\"\n"
		"cp old.so bare.so; strip bare.so\n"
		"elfscan dump old.so >old.abi\n"
		"printf 'layout:* always  not \\377 so\\nenum:*  always  r\\n"
		"x:\\377  always  nothing\\n*  2020-01-01  gone\\n' |"
		" sed 's/\\* always/*  always/' >rules\n"
		"echo 'unverified:*  always  r' >known");
	return scene;
}

static json_t *load(struct support *scene, const char *name)
{
	json_error_t error;
	json_t *root = json_load_file(support_source(scene, name), 0, &error);

	if (!root)
		support_fail(scene, "%s: %s", name, error.text);
	return root;
}

static void run_all(struct support *scene, const char *format,
		    const char *schema_name)
{
	json_t *schema = load(scene, schema_name);

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		char *HI_FREE wrong = NULL;
		json_t *root;

		support_scan_expect(scene, runs[i].status,
				    "diff --format=%s %s", format,
				    runs[i].arguments);
		root = support_scan_json(scene);
		wrong = support_schema_check(schema, root);
		if (wrong)
			support_fail(scene, "%s, %s: %s", schema_name,
				     runs[i].arguments, wrong);
		json_decref(root);
	}
	json_decref(schema);
}

START_TEST(each_report_is_as_its_schema_says)
{
	struct support *scene = make_scene("schema");

	run_all(scene, "json", "tests/schemas/report.json");
	run_all(scene, "sarif", "tests/schemas/sarif.json");
	support_free(scene);
}
END_TEST

/* --- a schema that lets everything pass would say nothing ------------------------- */

/* What is put at PATH, or taken away when it is "". */
static const struct damage {
	const char *format, *path, *value, *wrong;
} damages[] = {
	{ "sarif", "version", "\"2.0.0\"", "version: is none of the values" },
	{ "sarif", "runs", "[]", "runs: has too few items" },
	{ "sarif", "runs.0.tool.driver.name", "",
	  "runs[0].tool.driver: lacks name" },
	{ "sarif", "runs.0.results.1.level", "\"fatal\"",
	  "runs[0].results[1].level: is none of the values" },
	{ "sarif", "runs.0.results.0.message.text", "",
	  "runs[0].results[0].message: lacks text" },
	{ "sarif", "runs.0.results.0.message", "\"text\"",
	  "runs[0].results[0].message: is no object" },
	{ "sarif", "runs.0.results.0.odd", "1",
	  "runs[0].results[0]: may not have odd" },
	{ "sarif",
	  "runs.0.results.0.locations.0.physicalLocation.artifactLocation.uri",
	  "\"a b\"",
	  "runs[0].results[0].locations[0].physicalLocation.artifactLocation."
	  "uri: is no URI: a b" },
	{ "json", "findings.0.line", "0", "findings[0].line: is too small" },
	{ "json", "counts.accepted", "true", "counts.accepted: is no integer" },
	{ "json", "verdict", "\"\"", "verdict: is none of the values" },
	{ "json", "findings.0.id", "\"\"", "findings[0].id: is too short" },
};

/* The value at the next word of *PATH in AT. */
static json_t *step(json_t *at, const char *word)
{
	return json_is_array(at) ? json_array_get(at, strtoul(word, NULL, 10)) :
				   json_object_get(at, word);
}

static void change(json_t *root, const struct damage *damage)
{
	char *HI_FREE path = strdup(damage->path);
	char *rest = NULL, *word = strtok_r(path, ".", &rest), *next;

	while ((next = strtok_r(NULL, ".", &rest))) {
		root = step(root, word);
		word = next;
	}
	ck_assert(json_is_object(root));
	if (*damage->value)
		json_object_set_new(root, word,
				    json_loads(damage->value, JSON_DECODE_ANY,
					       NULL));
	else
		ck_assert_int_eq(json_object_del(root, word), 0);
}

START_TEST(a_report_that_is_damaged_is_not_as_its_schema_says)
{
	struct support *scene = make_scene("damage");

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		bool sarif = !strcmp(damages[i].format, "sarif");
		json_t *schema =
			load(scene, sarif ? "tests/schemas/sarif.json" :
					    "tests/schemas/report.json");
		char *HI_FREE wrong = NULL;
		json_t *root;

		support_scan_expect(scene, 12, "diff --format=%s old.so new.so",
				    damages[i].format);
		root = support_scan_json(scene);
		change(root, &damages[i]);
		wrong = support_schema_check(schema, root);
		support_scan_holds(scene, wrong ? wrong : "nothing",
				   damages[i].wrong);
		json_decref(root);
		json_decref(schema);
	}
	support_free(scene);
}
END_TEST

/* --- what is in them ---------------------------------------------------------------- */

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

/* The parts of the old side of a finding, by name; "" has none. */
static const struct part {
	const char *finding, *name;
	const char *expected;
} parts[] = {
	{ "layout:struct both", "kind",
	  "{\"kind\":\"member\",\"name\":\"kind\",\"place\":160,"
	  "\"type\":\"enum kind\",\"offset\":160,\"size\":4}" },
	{ "layout:struct both", "on",
	  "{\"kind\":\"member\",\"name\":\"on\",\"place\":192,"
	  "\"type\":\"int\",\"offset\":192,\"size\":4,\"bits\":3}" },
	{ "layout:struct both", "list",
	  "{\"kind\":\"member\",\"name\":\"list\",\"place\":256,"
	  "\"type\":\"int *[4]\",\"offset\":256,\"size\":32}" },
	{ "layout:struct both", "call",
	  "{\"kind\":\"member\",\"name\":\"call\",\"place\":512,"
	  "\"type\":\"int (struct root *, int) member of (struct root)\","
	  "\"offset\":512,\"size\":16}" },
	{ "vtable:struct both", "_ZN4both3runEi",
	  "{\"kind\":\"virtual\",\"name\":\"_ZN4both3runEi\",\"place\":2,"
	  "\"type\":\"int (struct both *, int)\"}" },
	{ "enum:enum kind", "NONE",
	  "{\"kind\":\"enumerator\",\"name\":\"NONE\",\"place\":-1}" },
};

START_TEST(each_part_says_what_it_is)
{
	struct support *scene = make_scene("parts");
	json_t *root, *findings, *list, *part;

	support_scan_expect(scene, 12, "diff --format=json old.so new.so");
	root = support_scan_json(scene);
	findings = json_object_get(root, "findings");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *HI_FREE text = NULL;

		list = json_object_get(
			json_object_get(find(findings, "id", parts[i].finding),
					"old"),
			"parts");
		part = find(list, "name", parts[i].name);
		text = part ? json_dumps(part, JSON_COMPACT) : NULL;
		if (!text || strcmp(text, parts[i].expected) != 0)
			support_fail(scene, "%s in %s is '%s', not '%s'",
				     parts[i].name, parts[i].finding,
				     text ? text : "not there",
				     parts[i].expected);
	}
	/* the bases have no names */
	list = json_object_get(
		json_object_get(find(findings, "id", "layout:struct both"),
				"old"),
		"parts");
	ck_assert_str_eq(json_string_value(json_object_get(
				 find(list, "kind", "base"), "type")),
			 "struct left");
	list = json_object_get(
		json_object_get(find(findings, "id", "layout:struct left"),
				"old"),
		"parts");
	part = find(list, "kind", "virtual-base");
	ck_assert_ptr_nonnull(part);
	ck_assert_ptr_null(json_object_get(part, "offset"));
	json_decref(root);
	support_free(scene);
}
END_TEST

START_TEST(a_variant_is_a_part_without_a_type)
{
	static const char before[] = "elfscan baseline 1\nlibrary lib.so\n"
				     "function f : int (struct Shape)\n"
				     "base int = signed 4\n"
				     "struct Shape = 8 bytes\n"
				     "  @0 \"\" : int\n"
				     "  @4 Round : int\n"
				     "  variant Round = 1\n"
				     "end\n";
	struct support *scene = support_scan_new("variant");
	char *HI_FREE wrong = NULL;
	json_t *root, *schema, *layout;

	support_write(scene, "old.abi", before);
	support_shell(scene, "sed 's/Round = 1/Round = 2/' old.abi >new.abi");
	support_scan_expect(scene, 12, "diff --format=json old.abi new.abi");
	root = support_scan_json(scene);
	schema = load(scene, "tests/schemas/report.json");
	wrong = support_schema_check(schema, root);
	ck_assert_ptr_null(wrong);
	layout = json_object_get(
		json_array_get(json_object_get(root, "findings"), 0), "old");
	layout = find(json_object_get(layout, "parts"), "kind", "variant");
	ck_assert_ptr_nonnull(layout);
	ck_assert_int_eq(json_integer_value(json_object_get(layout, "place")),
			 1);
	ck_assert_ptr_null(json_object_get(layout, "type"));
	json_decref(schema);
	json_decref(root);
	support_free(scene);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced)
{
	struct support *scene = make_scene("bytes");

	support_scan_expect(
		scene, 12,
		"diff --format=json --allow=rules old.so 'odd: \xff\xc3\xa4 100%%.so'");
	support_scan_holds(scene, support_scan_output(scene),
			   "\"new\": \"odd: \xef\xbf\xbd\xc3\xa4 100%.so\"");
	support_scan_holds(
		scene, support_scan_output(scene),
		"\"id\": \"parameter-type:odd\xef\xbf\xbd\xc3\xa4\"");
	support_scan_holds(scene, support_scan_output(scene),
			   "\"accepted\": \"not \xef\xbf\xbd so\"");
	support_scan_holds(scene, support_scan_output(scene),
			   "\"id\": \"x:\xef\xbf\xbd\"");
	support_scan_expect(scene, 12,
			    "diff --format=sarif --allow=rules "
			    "old.so 'odd: \xff\xc3\xa4 100%%.so'");
	support_scan_holds(
		scene, support_scan_output(scene),
		"\"finding/v1\": \"parameter-type:odd\xef\xbf\xbd\xc3\xa4\"");
	support_scan_holds(scene, support_scan_output(scene),
			   "\"justification\": \"not \xef\xbf\xbd so\"");
	/* a URI can have them all */
	support_scan_expect(scene, 28,
			    "diff --format=sarif bare.so "
			    "'odd: \xff\xc3\xa4 100%%.so'");
	support_scan_holds(scene, support_scan_output(scene),
			   "\"uri\": \"odd%3A%20%FF%C3%A4%20100%25.so\"");
	support_free(scene);
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *schemas = support_tcase(suite, "schemas");

	tcase_add_test(schemas, each_report_is_as_its_schema_says);
	tcase_add_test(schemas,
		       a_report_that_is_damaged_is_not_as_its_schema_says);
	tcase_add_test(schemas, each_part_says_what_it_is);
	tcase_add_test(schemas, a_variant_is_a_part_without_a_type);
	tcase_add_test(schemas, bytes_that_are_no_text_are_replaced);
}

int main(void)
{
	return support_main("scan_schema", add_tests);
}
