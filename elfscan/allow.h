/*
 * allow - findings that are accepted, from a file with one rule a line:
 *
 *     layout:struct cache*   2027-03-31   private since 2.0, no host reads it
 *     unverified:copy_avx2   always       in assembler, takes what copy() takes
 *
 * The id of a finding, in which * stands for any text; the last day on which the rule
 * holds, or "always"; a reason, which must be there. Lines that are empty or begin with
 * # say nothing. Between the three stand two or more blanks or a tab, since ids have
 * blanks. An export of which too little is known has the id "unverified:" and its name,
 * which a rule must begin with: one for all findings is none for what nobody has looked
 * at.
 *
 * Ownership: hi_allow_read() gives a list that hi_allow_free() ends.
 * Errors:    HI_E_BADELF with the line number; HI_E_SYS; HI_E_NOMEM.
 */
#ifndef HI_ELFSCAN_ALLOW_H
#define HI_ELFSCAN_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct hi_allow_rule {
	char *id;  /* with its stars */
	char *day; /* "2027-03-31", or "always" */
	char *reason;
	unsigned int line;
	bool used;    /* something was accepted by it */
	bool expired; /* its last day is over: it accepts nothing */
};

struct hi_allow {
	char *path;
	struct hi_allow_rule *rules;
	size_t n_rules;
};

/* TODAY is "2026-11-21". */
int hi_allow_read(const char *path, const char *today,
		  struct hi_allow **ret_allow, struct hi_err *err) HI_MUST_USE;
void hi_allow_free(struct hi_allow *allow);
/* The rule that accepts the finding with this ID, which is then used; or NULL. */
const struct hi_allow_rule *hi_allow_find(struct hi_allow *allow,
					  const char *id);
/* The same for an export of which too little is known. */
const struct hi_allow_rule *hi_allow_find_unverified(struct hi_allow *allow,
						     const char *export);

#endif
