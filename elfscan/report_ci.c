/*
 * For code review: annotations of GitHub's workflows, and SARIF 2.1.0 (OASIS),
 * which code scanning services read.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/report_string.h"
#include "elfscan/scan.h"

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static void say_finding(const struct hi_scan *scan,
			const struct hi_finding *finding, struct hi_buf *text)
{
	char *HI_FREE root = hi_scan_name_root(scan, finding);

	hi_buf_printf(text, "%s%s %s", root ? root : finding->root,
		      finding->old_type ? "" : ":", finding->text);
	if (*finding->effect)
		hi_buf_printf(text, ": %s", finding->effect);
}

static bool breaks(const struct hi_finding *finding)
{
	return finding->severity == HI_INCOMPATIBLE &&
	       finding->scope == HI_SCOPE_INTERFACE;
}

/* --- github ------------------------------------------------------------------ */

/* A workflow command ends with the line, and its properties at a comma. */
static void add_escaped(struct hi_buf *buf, const char *text, bool property)
{
	for (; *text; text++) {
		if (*text == '%' || *text == '\r' || *text == '\n' ||
		    (property && (*text == ',' || *text == ':')))
			hi_buf_printf(buf, "%%%02X", (unsigned char)*text);
		else
			hi_buf_add(buf, text, 1);
	}
}

static void annotate(const struct hi_scan *scan,
		     const struct hi_finding *finding, struct hi_buf *buf)
{
	struct hi_buf text = HI_BUF_INIT, path = HI_BUF_INIT;
	int line = 0;

	say_finding(scan, finding, &text);
	hi_buf_printf(buf, "::%s ", breaks(finding) ? "error" : "notice");
	if (hi_scan_locate_path(scan, finding, &path, &line)) {
		hi_buf_text(buf, "file=");
		add_escaped(buf, hi_buf_str(&path), true);
		hi_buf_printf(buf, ",line=%d,", line);
	}
	hi_buf_text(buf, "title=");
	add_escaped(buf, finding->id, true);
	hi_buf_text(buf, "::");
	add_escaped(buf, hi_buf_str(&text), false);
	hi_buf_text(buf, "\n");
	hi_buf_done(&path);
	hi_buf_done(&text);
}

/* What is no finding, and still has to be seen. */
static void warn_unverified(const struct hi_scan *scan, struct hi_buf *text)
{
	hi_buf_printf(text,
		      "too little is known of the types of %zu export%s, of %s "
		      "for example",
		      scan->n_unverified, scan->n_unverified == 1 ? "" : "s",
		      scan->unverified[0]);
}

static void warn_rule(const struct hi_allow_rule *rule, struct hi_buf *text)
{
	hi_buf_printf(text, "the rule for %s %s", rule->id,
		      rule->expired ? "is over: its last day has passed" :
				      "accepts nothing");
}

static void annotate_rules(const struct hi_scan *scan, struct hi_buf *buf)
{
	for (size_t i = 0; scan->allow && i < scan->allow->n_rules; i++) {
		const struct hi_allow_rule *rule = &scan->allow->rules[i];
		struct hi_buf text = HI_BUF_INIT;

		if (rule->used)
			continue;
		warn_rule(rule, &text);
		hi_buf_text(buf, "::warning file=");
		add_escaped(buf, scan->allow->path, true);
		hi_buf_printf(buf, ",line=%u,title=unused rule::", rule->line);
		add_escaped(buf, hi_buf_str(&text), false);
		hi_buf_text(buf, "\n");
		hi_buf_done(&text);
	}
}

void hi_report_scan_github(const struct hi_scan *scan, struct hi_buf *buf)
{
	struct hi_buf text = HI_BUF_INIT;

	for (size_t i = 0; i < scan->drift.n_findings; i++)
		if (!scan->accepted[i])
			annotate(scan, &scan->drift.findings[i], buf);
	if (scan->n_unverified) {
		warn_unverified(scan, &text);
		hi_buf_text(buf, "::warning title=not verified::");
		add_escaped(buf, hi_buf_str(&text), false);
		hi_buf_text(buf, "\n");
	}
	annotate_rules(scan, buf);
	hi_buf_printf(buf, "%s: %s\n", scan->new.path,
		      hi_scan_get_verdict_text(scan));
	hi_buf_done(&text);
}

/* --- sarif ------------------------------------------------------------------- */

/* A path as a URI reference (RFC 3986). */
static json_t *show_uri(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/+@,=";
	struct hi_buf uri = HI_BUF_INIT;
	json_t *string;

	for (; *path; path++)
		if (strchr(plain, *path))
			hi_buf_add(&uri, path, 1);
		else
			hi_buf_printf(&uri, "%%%02X", (unsigned char)*path);
	string = json_string(hi_buf_str(&uri));
	hi_buf_done(&uri);
	return string;
}

/* LINE 0: no line in particular. */
static json_t *show_location(const char *file, int line)
{
	json_t *place = json_pack("{s:{s:o}}", "artifactLocation", "uri",
				  show_uri(file));

	if (line > 0)
		json_object_set_new(place, "region",
				    json_pack("{s:i}", "startLine", line));
	return json_pack("[{s:o}]", "physicalLocation", place);
}

static json_t *show_message(const char *rule, const char *level,
			    const char *text, json_t *location)
{
	return json_pack("{s:s, s:s, s:{s:o}, s:o}", "ruleId", rule, "level",
			 level, "message", "text", hi_report_string(text),
			 "locations", location);
}

static json_t *show_suppression(const struct hi_allow_rule *rule)
{
	return json_pack("[{s:s, s:o}]", "kind", "external", "justification",
			 hi_report_string(rule->reason));
}

static json_t *show_result(const struct hi_scan *scan, size_t i)
{
	const struct hi_finding *finding = &scan->drift.findings[i];
	struct hi_buf text = HI_BUF_INIT, path = HI_BUF_INIT;
	int line = 0;
	json_t *result;

	say_finding(scan, finding, &text);
	if (!hi_scan_locate_path(scan, finding, &path, &line))
		hi_buf_text(&path, scan->new.path);
	result = show_message(finding->kind, breaks(finding) ? "error" : "note",
			      hi_buf_str(&text),
			      show_location(hi_buf_str(&path), line));
	hi_buf_done(&path);
	json_object_set_new(result, "partialFingerprints",
			    json_pack("{s:o}", "finding/v1",
				      hi_report_string(finding->id)));
	if (scan->accepted[i])
		json_object_set_new(result, "suppressions",
				    show_suppression(scan->accepted[i]));
	hi_buf_done(&text);
	return result;
}

/* What is not verified is a result of its own where it is accepted. */
static void add_known(const struct hi_scan *scan, json_t *results)
{
	for (size_t i = 0; i < scan->n_known; i++) {
		const struct hi_scan_known *known = &scan->known[i];
		struct hi_buf text = HI_BUF_INIT;
		json_t *result;

		hi_buf_printf(&text, "too little is known of the types of %s",
			      known->export);
		result = show_message("not-verified", "warning",
				      hi_buf_str(&text),
				      show_location(scan->new.path, 0));
		json_object_set_new(result, "suppressions",
				    show_suppression(known->rule));
		json_array_append_new(results, result);
		hi_buf_done(&text);
	}
}

static void add_warnings(const struct hi_scan *scan, json_t *results)
{
	struct hi_buf text = HI_BUF_INIT;

	if (scan->n_unverified) {
		warn_unverified(scan, &text);
		json_array_append_new(
			results,
			show_message("not-verified", "warning",
				     hi_buf_str(&text),
				     show_location(scan->new.path, 0)));
	}
	for (size_t i = 0; scan->allow && i < scan->allow->n_rules; i++) {
		const struct hi_allow_rule *rule = &scan->allow->rules[i];

		if (rule->used)
			continue;
		hi_buf_clear(&text);
		warn_rule(rule, &text);
		json_array_append_new(
			results, show_message("unused-rule", "warning",
					      hi_buf_str(&text),
					      show_location(scan->allow->path,
							    (int)rule->line)));
	}
	hi_buf_done(&text);
}

/* The rule of each result, once. */
static json_t *list_rules(const json_t *results)
{
	json_t *rules = json_array(), *seen = json_object(), *result;
	size_t i;

	json_array_foreach(results, i, result) {
		const char *id =
			json_string_value(json_object_get(result, "ruleId"));

		if (!id || json_object_get(seen, id))
			continue;
		json_object_set_new(seen, id, json_true());
		json_array_append_new(rules, json_pack("{s:s}", "id", id));
	}
	json_decref(seen);
	return rules;
}

void hi_report_scan_sarif(const struct hi_scan *scan, struct hi_buf *buf)
{
	json_t *results = json_array(), *rules, *root;
	char *text;

	for (size_t i = 0; i < scan->drift.n_findings; i++)
		json_array_append_new(results, show_result(scan, i));
	add_known(scan, results);
	add_warnings(scan, results);
	rules = list_rules(results);
	root = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:o}]}", "$schema",
			 SARIF_SCHEMA, "version", "2.1.0", "runs", "tool",
			 "driver", "name", "elfscan", "rules", rules, "results",
			 results);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (text)
		hi_buf_printf(buf, "%s\n", text);
	else
		buf->failed = true;
	free(text);
	json_decref(root);
}
