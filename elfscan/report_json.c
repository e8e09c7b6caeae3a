/*
 * For programs: the schema is in elfscan(1).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/baseline.h"
#include "elfscan/report_string.h"
#include "elfscan/scan.h"

static json_t *list_texts(const char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, hi_report_string(texts[i]));
	return list;
}

static const char *get_part_kind(const struct hi_model_part *part)
{
	switch (part->kind) {
	case HI_PART_BASE:
		return part->is_virtual ? "virtual-base" : "base";
	case HI_PART_VARIANT:
		return "variant";
	case HI_PART_VIRTUAL:
		return "virtual";
	case HI_PART_ENUMERATOR:
		return "enumerator";
	default:
		return "member";
	}
}

/* What has a type, and maybe a place among the bytes. */
static void add_type(const struct hi_model *model,
		     const struct hi_model_part *part, json_t *object)
{
	bool is_there = part->kind == HI_PART_MEMBER ||
			(part->kind == HI_PART_BASE && !part->is_virtual);
	uint64_t size = hi_model_get_size(model, part->type);
	struct hi_buf type = HI_BUF_INIT;

	hi_baseline_name_type(model, part->type, &type);
	json_object_set_new(object, "type",
			    hi_report_string(hi_buf_str(&type)));
	hi_buf_done(&type);
	if (is_there)
		json_object_set_new(object, "offset",
				    json_integer((json_int_t)part->value));
	if (size)
		json_object_set_new(object, "size",
				    json_integer((json_int_t)size));
}

static json_t *show_part(const struct hi_model *model,
			 const struct hi_model_part *part)
{
	json_t *object = json_pack("{s:s, s:o, s:I}", "kind",
				   get_part_kind(part), "name",
				   hi_report_string(part->name), "place",
				   (json_int_t)part->value);

	if (part->kind != HI_PART_ENUMERATOR && part->kind != HI_PART_VARIANT)
		add_type(model, part, object);
	if (part->bits)
		json_object_set_new(object, "bits", json_integer(part->bits));
	return object;
}

static json_t *show_layout(const struct hi_model *model, uint32_t number)
{
	const struct hi_model_type *type = hi_model_get_type(model, number);
	json_t *parts = json_array();

	for (size_t i = 0; i < type->n_parts; i++)
		json_array_append_new(parts, show_part(model, &type->parts[i]));
	return json_pack("{s:I, s:o}", "bytes", (json_int_t)type->size, "parts",
			 parts);
}

static json_t *show_finding(const struct hi_scan *scan, size_t i)
{
	const struct hi_finding *finding = &scan->drift.findings[i];
	char *HI_FREE root = hi_scan_name_root(scan, finding);
	int line = 0;
	const char *file = hi_scan_locate(scan, finding, &line);
	json_t *object = json_pack(
		"{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id",
		hi_report_string(finding->id), "kind", finding->kind,
		"severity",
		finding->severity == HI_INCOMPATIBLE ? "incompatible" :
						       "compatible",
		"scope",
		finding->scope == HI_SCOPE_LIVE ? "live-state" : "interface",
		"root", hi_report_string(root ? root : finding->root), "text",
		hi_report_string(finding->text), "effect",
		hi_report_string(finding->effect), "exports",
		list_texts(finding->exports, finding->n_exports));

	if (file) {
		json_object_set_new(object, "file", hi_report_string(file));
		if (line > 0)
			json_object_set_new(object, "line", json_integer(line));
	}
	if (finding->old_type) {
		json_object_set_new(object, "old",
				    show_layout(scan->old.model,
						finding->old_type));
		json_object_set_new(object, "new",
				    show_layout(scan->new.model,
						finding->new_type));
	}
	if (scan->accepted[i])
		json_object_set_new(
			object, "accepted",
			hi_report_string(scan->accepted[i]->reason));
	return object;
}

static json_t *list_known(const struct hi_scan *scan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < scan->n_known; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:o}", "export",
					hi_report_string(scan->known[i].export),
					"accepted",
					hi_report_string(
						scan->known[i].rule->reason)));
	return list;
}

static json_t *list_unused(const struct hi_allow *allow)
{
	json_t *list = json_array();

	for (size_t i = 0; allow && i < allow->n_rules; i++)
		if (!allow->rules[i].used)
			json_array_append_new(
				list,
				json_pack("{s:o, s:i, s:b}", "id",
					  hi_report_string(allow->rules[i].id),
					  "line", (int)allow->rules[i].line,
					  "expired", allow->rules[i].expired));
	return list;
}

void hi_report_scan_json(const struct hi_scan *scan, struct hi_buf *buf)
{
	static const char *const verdicts[] = { "identical", "compatible", "",
						"incompatible" };
	json_t *findings = json_array(), *root;
	char *text;

	for (size_t i = 0; i < scan->drift.n_findings; i++)
		json_array_append_new(findings, show_finding(scan, i));
	root = json_pack(
		"{s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, "
		"s:I, s:I, s:I}}",
		"version", 1, "verdict",
		verdicts[(scan->verdict & ~HI_VERDICT_UNVERIFIED) / 4],
		"verified", !(scan->verdict & HI_VERDICT_UNVERIFIED), "old",
		hi_report_string(scan->old.path), "new",
		hi_report_string(scan->new.path), "findings", findings,
		"unverified", list_texts(scan->unverified, scan->n_unverified),
		"accepted_unverified", list_known(scan), "unused_rules",
		list_unused(scan->allow), "counts", "incompatible",
		(json_int_t)scan->n_broken, "compatible",
		(json_int_t)scan->n_compatible, "live_state",
		(json_int_t)scan->n_live, "accepted",
		(json_int_t)scan->n_accepted, "functions",
		(json_int_t)scan->drift.n_functions, "variables",
		(json_int_t)scan->drift.n_variables);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (text)
		hi_buf_printf(buf, "%s\n", text);
	else
		buf->failed = true;
	free(text);
	json_decref(root);
}
