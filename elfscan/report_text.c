/*
 * For a person at a terminal of 80 columns.
 */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/baseline.h"
#include "elfscan/demangle.h"
#include "elfscan/scan.h"

#define WIDTH       78
#define HALF        37
#define ROWS_MAX    60
#define EXPORTS_MAX 4

/* TEXT in lines of WIDTH, each but the first behind INDENT blanks. */
static void add_wrapped(struct hi_buf *buf, const char *text, size_t column,
			size_t indent)
{
	const char *blank = "";

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column + len > WIDTH && column > indent) {
			hi_buf_printf(buf, "\n%*s", (int)indent, "");
			column = indent;
			blank = "";
		}
		hi_buf_text(buf, blank);
		hi_buf_add(buf, text, len);
		column += len + 1;
		text += len;
		text += *text == ' ';
		blank = " ";
	}
	hi_buf_text(buf, "\n");
}

/* --- layouts side by side ---------------------------------------------------- */

static void write_part(const struct hi_model *model,
		       const struct hi_model_part *part, struct hi_buf *line)
{
	hi_buf_clear(line);
	if (!part)
		return;
	if (part->kind == HI_PART_ENUMERATOR) {
		hi_buf_printf(line, "%s = %lld", part->name,
			      (long long)part->value);
		return;
	}
	if (part->kind == HI_PART_VARIANT) {
		hi_buf_printf(line, "     %s = %lld", part->name,
			      (long long)part->value);
		return;
	}
	if (part->kind == HI_PART_VIRTUAL) {
		char *HI_FREE name = hi_demangle(part->name);

		hi_buf_printf(line, "slot %lld %s", (long long)part->value,
			      name ? name : part->name);
		return;
	}
	hi_buf_printf(line, "%4lld", (long long)part->value / 8);
	if (part->value % 8)
		hi_buf_printf(line, ".%d", (int)(part->value % 8));
	hi_buf_text(line, " ");
	hi_baseline_name_type(model, part->type, line);
	if (part->kind != HI_PART_BASE)
		hi_buf_printf(line, " %s", part->name);
	if (part->bits)
		hi_buf_printf(line, " : %u", part->bits);
}

/* A column of HALF bytes; what is longer is cut. */
static void add_column(struct hi_buf *buf, const char *text, bool pad)
{
	size_t len = strlen(text);

	if (len > HALF) {
		hi_buf_add(buf, text, HALF - 3);
		hi_buf_text(buf, "...");
		return;
	}
	hi_buf_text(buf, text);
	if (pad)
		hi_buf_printf(buf, "%*s", (int)(HALF - len), "");
}

struct columns {
	const struct hi_scan *scan;
	const struct hi_model_type *old, *new;
	struct hi_buf left, right;
	struct hi_buf *buf;
	size_t n_rows;
};

static void add_row(struct columns *columns, const struct hi_model_part *old,
		    const struct hi_model_part *new)
{
	const char *left, *right;

	if (columns->n_rows++ >= ROWS_MAX)
		return;
	write_part(columns->scan->old.model, old, &columns->left);
	write_part(columns->scan->new.model, new, &columns->right);
	left = hi_buf_str(&columns->left);
	right = hi_buf_str(&columns->right);
	hi_buf_printf(columns->buf, "  %s",
		      old && new && !strcmp(left, right) ? "  " :
		      old &&new                          ? "! " :
		      old                                ? "- " :
							   "+ ");
	add_column(columns->buf, left, new != NULL);
	if (new)
		hi_buf_text(columns->buf, " ");
	add_column(columns->buf, right, false);
	hi_buf_text(columns->buf, "\n");
}

static size_t find_name(const struct hi_model_type *type, size_t from,
			const struct hi_model_part *like)
{
	size_t i = from;

	while (i < type->n_parts && (type->parts[i].kind != like->kind ||
				     strcmp(type->parts[i].name, like->name)))
		i++;
	return i;
}

/* Rows of the same name stand side by side, as far as their order allows. */
static void add_rows(struct columns *columns)
{
	const struct hi_model_type *old = columns->old, *new = columns->new;
	size_t at = 0;

	for (size_t i = 0; i < old->n_parts; i++) {
		size_t twin = find_name(new, at, &old->parts[i]);

		if (twin == new->n_parts) {
			add_row(columns, &old->parts[i], NULL);
			continue;
		}
		while (at < twin)
			add_row(columns, NULL, &new->parts[at++]);
		add_row(columns, &old->parts[i], &new->parts[at++]);
	}
	while (at < new->n_parts)
		add_row(columns, NULL, &new->parts[at++]);
}

static void add_layout(const struct hi_scan *scan,
		       const struct hi_finding *finding, struct hi_buf *buf)
{
	struct columns columns = {
		.scan = scan,
		.old = hi_model_get_type(scan->old.model, finding->old_type),
		.new = hi_model_get_type(scan->new.model, finding->new_type),
		.left = HI_BUF_INIT,
		.right = HI_BUF_INIT,
		.buf = buf,
	};
	struct hi_buf head = HI_BUF_INIT;

	hi_buf_printf(&head, "old: %llu bytes",
		      (unsigned long long)columns.old->size);
	hi_buf_text(buf, "    ");
	add_column(buf, hi_buf_str(&head), true);
	hi_buf_printf(buf, " new: %llu bytes\n",
		      (unsigned long long)columns.new->size);
	add_rows(&columns);
	if (columns.n_rows > ROWS_MAX)
		hi_buf_printf(buf, "    ... and %zu more\n",
			      columns.n_rows - ROWS_MAX);
	hi_buf_done(&head);
	hi_buf_done(&columns.left);
	hi_buf_done(&columns.right);
}

/* --- findings ---------------------------------------------------------------- */

/* A constructor has several symbols of one name, which follow one another. */
static void add_exports(const struct hi_finding *finding, struct hi_buf *buf)
{
	struct hi_buf text = HI_BUF_INIT;
	char *last = NULL;
	size_t n = finding->n_exports, at = 0;

	if (!n)
		return;
	hi_buf_text(&text, "reached by ");
	for (size_t shown = 0; at < n && shown < EXPORTS_MAX; at++) {
		char *name = hi_demangle(finding->exports[at]);

		if (name && (!last || strcmp(last, name) != 0))
			hi_buf_printf(&text, "%s%s", shown++ ? ", " : "", name);
		free(last);
		last = name;
	}
	free(last);
	if (at < n)
		hi_buf_printf(&text, " and %zu more", n - at);
	hi_buf_text(buf, "    ");
	add_wrapped(buf, hi_buf_str(&text), 4, 4);
	hi_buf_done(&text);
}

static void add_head(const struct hi_scan *scan,
		     const struct hi_finding *finding, struct hi_buf *buf)
{
	char *HI_FREE root = hi_scan_name_root(scan, finding);
	struct hi_buf text = HI_BUF_INIT;
	int line = 0;
	const char *file = hi_scan_locate(scan, finding, &line);

	hi_buf_printf(&text, "%s%s %s", root ? root : finding->root,
		      finding->old_type ? "" : ":", finding->text);
	if (file)
		hi_buf_printf(&text, " (%s:%d)", file, line);
	add_wrapped(buf, hi_buf_str(&text), 0, 4);
	hi_buf_done(&text);
}

static void add_finding(const struct hi_scan *scan,
			const struct hi_finding *finding, struct hi_buf *buf)
{
	bool shows = finding->old_type && finding->severity == HI_INCOMPATIBLE;

	add_head(scan, finding, buf);
	if (*finding->effect) {
		hi_buf_text(buf, "    ");
		add_wrapped(buf, finding->effect, 4, 4);
	}
	add_exports(finding, buf);
	if (shows)
		add_layout(scan, finding, buf);
	hi_buf_printf(buf, "    [%s]\n", finding->id);
}

static void add_section(const struct hi_scan *scan, const char *heading,
			enum hi_severity severity, enum hi_scope scope,
			struct hi_buf *buf)
{
	bool any = false;

	for (size_t i = 0; i < scan->drift.n_findings; i++) {
		const struct hi_finding *finding = &scan->drift.findings[i];

		if (scan->accepted[i] || finding->scope != scope ||
		    (scope == HI_SCOPE_INTERFACE &&
		     finding->severity != severity))
			continue;
		if (!any)
			hi_buf_printf(buf, "\n%s\n", heading);
		any = true;
		hi_buf_text(buf, "\n");
		add_finding(scan, finding, buf);
	}
}

/* The names of those exports, and what a rule that accepts one begins with. */
static void add_unverified(const struct hi_scan *scan, struct hi_buf *buf)
{
	struct hi_buf text = HI_BUF_INIT, ids = HI_BUF_INIT;
	size_t n = scan->n_unverified;

	if (!n)
		return;
	hi_buf_printf(&text, "Not verified, because too little is known of the "
			     "types of ");
	for (size_t i = 0; i < n && i < 12; i++) {
		char *HI_FREE name = hi_demangle(scan->unverified[i]);

		hi_buf_printf(&text, "%s%s", i ? ", " : "",
			      name ? name : scan->unverified[i]);
		hi_buf_printf(&ids, "%s[unverified:%s]", i ? " " : "",
			      scan->unverified[i]);
	}
	if (n > 12)
		hi_buf_printf(&text, " and %zu more", n - 12);
	hi_buf_text(&text, " (compile with -g, or install the debug file)");
	hi_buf_text(buf, "\n");
	add_wrapped(buf, hi_buf_str(&text), 0, 0);
	hi_buf_text(buf, "    ");
	add_wrapped(buf, hi_buf_str(&ids), 4, 4);
	hi_buf_done(&text);
	hi_buf_done(&ids);
}

static void add_rules(const struct hi_scan *scan, struct hi_buf *buf)
{
	for (size_t i = 0; scan->allow && i < scan->allow->n_rules; i++) {
		const struct hi_allow_rule *rule = &scan->allow->rules[i];

		if (rule->used)
			continue;
		hi_buf_printf(buf, "\n%s:%u: the rule for %s %s\n",
			      scan->allow->path, rule->line, rule->id,
			      rule->expired ?
				      "is over: its last day has passed" :
				      "accepts nothing");
	}
}

static void add_counts(const struct hi_scan *scan, struct hi_buf *buf)
{
	const struct hi_drift *drift = &scan->drift;

	hi_buf_printf(buf,
		      "\n%zu incompatible, %zu compatible, %zu of live state",
		      scan->n_broken, scan->n_compatible, scan->n_live);
	if (scan->n_accepted)
		hi_buf_printf(buf, ", %zu accepted", scan->n_accepted);
	if (scan->n_known)
		hi_buf_printf(buf, ", %zu not verified and accepted",
			      scan->n_known);
	hi_buf_printf(buf, "\n%zu function%s and %zu variable%s compared\n",
		      drift->n_functions, drift->n_functions == 1 ? "" : "s",
		      drift->n_variables, drift->n_variables == 1 ? "" : "s");
}

void hi_report_scan_text(const struct hi_scan *scan, struct hi_buf *buf)
{
	hi_buf_printf(buf, "%s: %s\n", scan->new.path,
		      hi_scan_get_verdict_text(scan));
	add_section(scan, "Incompatible", HI_INCOMPATIBLE, HI_SCOPE_INTERFACE,
		    buf);
	add_section(scan, "Compatible", HI_COMPATIBLE, HI_SCOPE_INTERFACE, buf);
	add_section(scan, "Seen by the library alone (live state)",
		    HI_COMPATIBLE, HI_SCOPE_LIVE, buf);
	add_unverified(scan, buf);
	add_rules(scan, buf);
	if (scan->verdict != HI_VERDICT_SAME || scan->n_accepted ||
	    scan->n_known)
		add_counts(scan, buf);
}
