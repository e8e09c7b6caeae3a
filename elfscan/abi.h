/*
 * abi - would a host that was compiled against one build of a worker break when
 * its calls reach another?
 *
 * What is judged: exported functions and variables. A symbol that the host uses
 * is missing; a function became a variable, or the other way round; a variable
 * has another size or type; a function takes or returns something else. What
 * pointers lead to is not judged, nor are weak symbols (inline functions and
 * templates of C++ above all) that the host does not use.
 *
 * Ownership: hi_abi_compare() fills a value that hi_abi_findings_done() ends.
 * Errors:    HI_E_NOMEM. Debug information that is absent or damaged is no error:
 *            could_not_verify is set.
 * Threads:   independent calls.
 * Source:    x86-64 psABI 1.0 ch. 3.2 (passing parameters), 4.9 (copy
 *            relocations); DWARF 5 ch. 3.3.
 */
#ifndef HI_ELFSCAN_ABI_H
#define HI_ELFSCAN_ABI_H

#include <stdbool.h>

#include "elfscan/changes.h"

struct hi_abi_finding {
	/* "symbol-removed", "symbol-kind", "object-size", "variable-type",
	   "parameter-count", "parameter-type" or "return-type" */
	const char *kind;
	char *symbol; /* as in the symbol table */
	char *text;   /* "parameter 2 changed from 'float' to 'double'" */
	char *where;  /* in the new build: "worker.c:12", or "" */
};

struct hi_abi_findings {
	struct hi_abi_finding *list;
	size_t n;
	bool could_not_verify; /* a signature that both builds export has no
				  debug information in one of them, or names a
				  type that is only declared */
};

/*
 * Compare what OLD exports with NEW. IS_USED tells whether the host uses a symbol;
 * it is asked where only use makes a difference: symbols that are gone, sizes and
 * types of variables.
 */
int hi_abi_compare(const struct hi_build_facts *old,
		   const struct hi_build_facts *new,
		   bool (*is_used)(void *context, const char *symbol),
		   void *context, struct hi_abi_findings *ret_findings,
		   struct hi_err *err) HI_MUST_USE;
void hi_abi_findings_done(struct hi_abi_findings *findings);

#endif
