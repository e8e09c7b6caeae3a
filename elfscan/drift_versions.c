/*
 * What the loader makes of versions that came or went. Facts of glibc's dl-version.c
 * and dl-lookup.c, each of which tests/scan_loader.c runs:
 *
 *   a host asks for f, V1        the library
 *   ---------------------        -----------
 *   f is in V1                   is taken
 *   f has none, V1 is defined    is taken
 *   f has none, nor any other    is taken, with a warning; but without a table of
 *                                versions at all, the loader ends the host
 *   f has none, others are       "version `V1' not found": the host does not start
 *
 *   a host asks for f            f without a version, else of the first one that
 *                                the library defines, else the default one
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/drift_parts.h"

static const struct hi_model_export *find_for_any(const struct hi_model *model,
						  const char *name)
{
	size_t n;
	const struct hi_model_export *named =
		hi_model_find_named(model, name, &n);

	for (size_t i = 0; i < n; i++)
		if (*model->first_version &&
		    !strcmp(named[i].version, model->first_version))
			return &named[i];
	for (size_t i = 0; i < n; i++)
		if (named[i].is_default)
			return &named[i];
	return NULL;
}

const struct hi_model_export *hi_drift_find_twin(
	const struct hi_model *model, const struct hi_model_export *of)
{
	const struct hi_model_export *twin;

	if (of->key)
		return hi_model_find_kept(model, of->key);
	twin = hi_model_find_export(model, of->name, of->version);
	if (twin)
		return twin;
	return *of->version ? hi_model_find_export(model, of->name, "") :
			      find_for_any(model, of->name);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool defines(const struct hi_model *model, const char *version)
{
	return model->n_versions &&
	       bsearch(&version, model->versions, model->n_versions,
		       sizeof(*model->versions), compare_names);
}

/* A version is told of once. */
static bool is_told(const struct hi_drift *drift, const char *kind,
		    const char *version)
{
	for (size_t i = 0; i < drift->n_findings; i++)
		if (!strcmp(drift->findings[i].kind, kind) &&
		    !strcmp(drift->findings[i].root, version))
			return true;
	return false;
}

static void say_removed(struct hi_drift_run *run, const char *version)
{
	const struct hi_model *new = run->new;
	bool starts = new->has_version_table && !new->n_versions;
	struct hi_buf text = HI_BUF_INIT;

	if (is_told(run->drift, "version-removed", version))
		return;
	hi_buf_text(&text, "is no longer defined, what was in it has no "
			   "version");
	hi_drift_add(
		run, "version-removed", version,
		starts ? HI_COMPATIBLE : HI_INCOMPATIBLE, &text,
		starts ? "the loader warns that there is no version "
			 "information, and starts a host that was linked "
			 "with the old build" :
		new->n_versions ?
			 "the loader does not find it, and does not start a "
			 "host that was linked with the old build" :
			 "the loader ends a host that was linked with the old "
			 "build, for the library has no table of versions",
		HI_NO_PLACE);
}

static void say_added(struct hi_drift_run *run, const char *version)
{
	struct hi_buf text = HI_BUF_INIT;

	if (is_told(run->drift, "version-added", version))
		return;
	hi_buf_text(&text, "is new, and has symbols that had no version");
	hi_drift_add(run, "version-added", version, HI_COMPATIBLE, &text, "",
		     HI_NO_PLACE);
}

void hi_drift_compare_versions(struct hi_drift_run *run,
			       const struct hi_model_export *old,
			       const struct hi_model_export *new,
			       uint32_t place)
{
	struct hi_buf text = HI_BUF_INIT;

	if (*old->version && !defines(run->new, old->version)) {
		say_removed(run, old->version);
	} else if (*new->version && !defines(run->old, new->version)) {
		say_added(run, new->version);
	} else {
		hi_buf_printf(&text, "is %s in version %s",
			      *new->version ? "now" : "no longer",
			      *new->version ? new->version : old->version);
		hi_drift_add_export(run, "symbol-version", old, HI_COMPATIBLE,
				    &text, "", place);
	}
}
