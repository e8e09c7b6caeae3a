#include "elfscan/scan.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/own.h"
#include "elfscan/audience.h"
#include "elfscan/demangle.h"

static void get_today(char day[11])
{
	time_t now = time(NULL);
	struct tm local;

	if (!localtime_r(&now, &local) ||
	    !strftime(day, 11, "%Y-%m-%d", &local))
		memcpy(day, "0000-00-00", 11);
}

static int read_allow(struct hi_scan *scan, struct hi_err *err)
{
	char today[11];

	if (!scan->options->allow)
		return 0;
	get_today(today);
	return hi_allow_read(scan->options->allow, today, &scan->allow, err);
}

/* Which exports that could not be verified are accepted. */
static int sort_out_unverified(struct hi_scan *scan, struct hi_err *err)
{
	const struct hi_drift *drift = &scan->drift;

	scan->unverified =
		calloc(drift->n_unverified + 1, sizeof(*scan->unverified));
	scan->known = calloc(drift->n_unverified + 1, sizeof(*scan->known));
	if (!scan->unverified || !scan->known)
		return hi_fail(err, HI_E_NOMEM, "no memory for the findings");
	for (size_t i = 0; i < drift->n_unverified; i++) {
		const char *export = drift->unverified[i];
		const struct hi_allow_rule *rule =
			hi_allow_find_unverified(scan->allow, export);

		if (rule)
			scan->known[scan->n_known++] =
				(struct hi_scan_known){ export, rule };
		else
			scan->unverified[scan->n_unverified++] = export;
	}
	return 0;
}

static int count(struct hi_scan *scan, struct hi_err *err)
{
	const struct hi_drift *drift = &scan->drift;

	scan->accepted = calloc(drift->n_findings + 1, sizeof(*scan->accepted));
	if (!scan->accepted)
		return hi_fail(err, HI_E_NOMEM, "no memory for the findings");
	for (size_t i = 0; i < drift->n_findings; i++) {
		const struct hi_finding *finding = &drift->findings[i];

		scan->accepted[i] = hi_allow_find(scan->allow, finding->id);
		if (scan->accepted[i])
			scan->n_accepted++;
		else if (finding->scope == HI_SCOPE_LIVE)
			scan->n_live++;
		else if (finding->severity == HI_INCOMPATIBLE)
			scan->n_broken++;
		else
			scan->n_compatible++;
	}
	scan->verdict = scan->n_broken ? HI_VERDICT_INCOMPATIBLE :
			scan->n_compatible || scan->n_live ?
					 HI_VERDICT_COMPATIBLE :
					 HI_VERDICT_SAME;
	if (scan->n_unverified)
		scan->verdict += HI_VERDICT_UNVERIFIED;
	return 0;
}

/* The same file needs no look inside: all of it is verified. */
static bool is_same_file(const struct hi_scan *scan)
{
	const uint8_t *old, *new;
	size_t old_len, new_len;

	if (!scan->old.image || !scan->new.image)
		return false;
	old = hi_image_get_file(scan->old.image, &old_len);
	new = hi_image_get_file(scan->new.image, &new_len);
	return old_len == new_len && memcmp(old, new, old_len) == 0;
}

/* --- both sides at once -------------------------------------------------------- */

struct opening {
	const char *path;
	struct hi_library_side *side;
	struct hi_err err;
	int code;
};

static void *open_side(void *context)
{
	struct opening *opening = context;

	opening->code =
		hi_side_open(opening->path, opening->side, &opening->err);
	return NULL;
}

/* The failure of the old side is the one that is told. */
static int open_sides(struct hi_scan *scan, struct hi_err *err)
{
	struct opening old = { .path = scan->options->old, .side = &scan->old };
	struct opening new = { .path = scan->options->new, .side = &scan->new };
	pthread_t thread;
	bool has_thread = pthread_create(&thread, NULL, open_side, &old) == 0;

	if (!has_thread)
		(void)open_side(&old);
	(void)open_side(&new);
	if (has_thread)
		pthread_join(thread, NULL);
	*err = old.code < 0 ? old.err : new.err;
	return old.code < 0 ? old.code : new.code;
}

int hi_scan_run(const struct hi_scan_options *options, struct hi_scan *ret_scan,
		struct hi_err *err)
{
	struct hi_audience *audience = NULL;
	struct hi_scan *scan = ret_scan;
	int code;

	*scan = (struct hi_scan){ .options = options };
	code = read_allow(scan, err);
	if (code == 0)
		code = open_sides(scan, err);
	if (code == 0)
		code = hi_audience_new(options->host, options->headers,
				       &audience, err);
	if (code == 0 && !is_same_file(scan))
		code = hi_drift_find(scan->old.model, scan->new.model,
				     hi_audience_get_options(audience),
				     &scan->drift, err);
	if (code == 0)
		code = sort_out_unverified(scan, err);
	if (code == 0)
		code = count(scan, err);
	hi_audience_free(audience);
	if (code < 0)
		hi_scan_done(scan);
	return code;
}

void hi_scan_done(struct hi_scan *scan)
{
	hi_drift_done(&scan->drift);
	hi_side_done(&scan->old);
	hi_side_done(&scan->new);
	hi_allow_free(scan->allow);
	free(scan->accepted);
	free(scan->unverified);
	free(scan->known);
	*scan = (struct hi_scan){ 0 };
}

int hi_scan_get_status(const struct hi_scan *scan)
{
	int verdict = scan->verdict & ~HI_VERDICT_UNVERIFIED;

	if (scan->options->action == HI_SCAN_CHECK && !scan->options->strict &&
	    verdict == HI_VERDICT_COMPATIBLE)
		verdict = HI_VERDICT_SAME;
	return verdict | (scan->verdict & HI_VERDICT_UNVERIFIED);
}

const char *hi_scan_get_verdict_text(const struct hi_scan *scan)
{
	switch (scan->verdict) {
	case HI_VERDICT_SAME:
		return "the same";
	case HI_VERDICT_COMPATIBLE:
		return "compatible";
	case HI_VERDICT_INCOMPATIBLE:
		return "incompatible";
	case HI_VERDICT_INCOMPATIBLE + HI_VERDICT_UNVERIFIED:
		return "incompatible, and in part not verified";
	case HI_VERDICT_COMPATIBLE + HI_VERDICT_UNVERIFIED:
		return "changed, and in part not verified";
	default:
		return "in part not verified";
	}
}

const char *hi_scan_locate(const struct hi_scan *scan,
			   const struct hi_finding *finding, int *ret_line)
{
	const char *file =
		hi_model_locate(scan->new.model, finding->new_source, ret_line);

	return file ? file :
		      hi_model_locate(scan->old.model, finding->old_source,
				      ret_line);
}

char *hi_scan_name_root(const struct hi_scan *scan,
			const struct hi_finding *finding)
{
	const struct hi_model_export *export =
		hi_model_find_export(scan->old.model, finding->root, "");
	struct hi_buf name = HI_BUF_INIT;
	char *plain;
	size_t n;

	if (finding->old_type)
		return strdup(finding->root);
	if (!export) {
		export =
			hi_model_find_named(scan->old.model, finding->root, &n);
		export = n ? export : NULL;
	}
	if (!export) {
		export =
			hi_model_find_named(scan->new.model, finding->root, &n);
		export = n ? export : NULL;
	}
	plain = hi_demangle(finding->root);
	if (!plain || !export || strchr(plain, '(') ||
	    (export->kind != HI_SYM_FUNC && export->kind != HI_SYM_IFUNC))
		return plain;
	hi_buf_printf(&name, "%s()", plain);
	free(plain);
	return hi_buf_take(&name);
}

bool hi_scan_locate_path(const struct hi_scan *scan,
			 const struct hi_finding *finding, struct hi_buf *path,
			 int *ret_line)
{
	char *HI_FREE here = getcwd(NULL, 0);
	struct hi_buf whole = HI_BUF_INIT;
	size_t len = here ? strlen(here) : 0;
	const char *text;

	if (!hi_model_locate_path(scan->new.model, finding->new_source, &whole,
				  ret_line) &&
	    !hi_model_locate_path(scan->old.model, finding->old_source, &whole,
				  ret_line))
		return false;
	text = hi_buf_str(&whole);
	if (len && !strncmp(text, here, len) && text[len] == '/')
		text += len + 1;
	hi_buf_text(path, text);
	hi_buf_done(&whole);
	return true;
}
