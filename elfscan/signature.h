/*
 * signature - what a caller must know of a function, and the types of variables,
 * in two builds.
 *
 * Ownership: entries belong to the Dwarf handles; texts that a callback gets
 *            live for the call.
 * Errors:    HI_E_NOMEM.
 * Threads:   independent calls.
 * Source:    DWARF 5 ch. 3.3, 4.1.
 */
#ifndef HI_ELFSCAN_SIGNATURE_H
#define HI_ELFSCAN_SIGNATURE_H

#include "elfscan/changes.h"
#include "elfscan/types.h"

/* KIND is "parameter-count", "parameter-type" or "return-type". */
typedef void (*hi_signature_report)(void *context, const char *kind,
				    const char *text);

/*
 * Compare the signatures of one function in two builds; REPORT is called for
 * each difference. HI_TYPE_UNKNOWN when none was found, but some of the types
 * could not be known.
 */
enum hi_type_verdict hi_signature_compare(struct hi_types *types,
					  Dwarf_Die *old, Dwarf_Die *new,
					  hi_signature_report report,
					  void *context);

typedef void (*hi_variable_report)(void *context,
				   const struct hi_symbol *new_symbol,
				   const char *text);

/*
 * The writable variables (exported, static, of functions, thread-local) that
 * both builds have in one size and whose types are not the same: REPORT is called
 * for each, with "changed from 'int' to 'float'" or "changed its layout: member y
 * moved from offset 4 to 8". Variables without debug information in one of the
 * builds are passed over.
 */
int hi_variable_types_compare(const struct hi_build_facts *old,
			      const struct hi_build_facts *new,
			      hi_variable_report report, void *context,
			      struct hi_err *err) HI_MUST_USE;

#endif
