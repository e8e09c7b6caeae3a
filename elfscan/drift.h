/*
 * drift - what changed between two interfaces, and whom it breaks.
 *
 * Each finding names a root cause once: an export, a type or the library itself,
 * and the exports through which a host meets it. Two scopes are kept apart:
 *
 *   interface    what a host sees that was compiled for the old build: symbols, how
 *                values are passed, layouts of what it holds or makes itself
 *   live state   layouts that only the library sees: objects that it makes and
 *                hands out by pointer, variables that are kept (model_new.h) and
 *                what they point to. Harmless for a host that is restarted,
 *                fatal for objects that survive a reload
 *
 * Which objects a host makes is inferred: a type that exports take by pointer and
 * none hands out (returns a pointer to it, stores one where it is told, has a
 * variable of it) can only come from the host. And what functions of the host are
 * given, but no export takes, the host can only look at.
 *
 * Ownership: hi_drift_find() fills a value that hi_drift_done() ends; it refers to
 *            both models, which must live longer.
 * Errors:    HI_E_NOMEM.
 * Threads:   independent calls.
 * Source:    x86-64 psABI 1.0 ch. 3.2, 4.9; Itanium C++ ABI 2; gABI ch. 4, 5.
 */
#ifndef HI_ELFSCAN_DRIFT_H
#define HI_ELFSCAN_DRIFT_H

#include "elfscan/model.h"

enum hi_severity { HI_COMPATIBLE, HI_INCOMPATIBLE };
enum hi_scope { HI_SCOPE_INTERFACE, HI_SCOPE_LIVE };

struct hi_finding {
	char *id;         /* "layout:struct world": kind and root */
	const char *kind; /* see elfscan(1) */
	char *root;       /* "update", "struct world", "libgame.so" */
	char *text;       /* what changed, without the root */
	char *effect;     /* on a host, one sentence; "" */
	enum hi_severity severity;
	enum hi_scope scope;
	bool is_stored; /* a variable that is kept has it in its own bytes */
	uint32_t old_type, new_type; /* of a layout, to be shown; or 0 */
	const void *old_source, *new_source;
	uint32_t place;       /* for those who find */
	const char **exports; /* that lead to a type; sorted */
	size_t n_exports;
};

struct hi_drift {
	struct hi_finding *findings; /* incompatible before compatible, the
					interface before live state */
	size_t n_findings;
	const char **unverified; /* exports of which too little is known */
	size_t n_unverified;
	size_t n_functions, n_variables; /* that were compared */
	struct hi_drift_block *blocks;
};

struct hi_drift_options {
	/* whether the host uses an export; NULL: all of them */
	bool (*is_used)(void *context, const struct hi_model_export *export);
	/* whether a host sees the layout of a type: 1 yes, 0 no, -1 unknown;
	   NULL: it is inferred */
	int (*is_visible)(void *context, const struct hi_model *model,
			  const struct hi_model_type *type);
	void *context;
};

int hi_drift_find(const struct hi_model *old, const struct hi_model *new,
		  const struct hi_drift_options *options,
		  struct hi_drift *ret_drift, struct hi_err *err) HI_MUST_USE;
void hi_drift_done(struct hi_drift *drift);

/* Whether something of the interface is broken. */
bool hi_drift_breaks(const struct hi_drift *drift);

#endif
