/*
 * interface - what two builds of a worker are to those who hold on to the old one:
 * the host that was compiled for it, and the variables and objects that stay.
 *
 * Ownership: builds keep the models that are read of them; a drift refers to both,
 *            which must live longer.
 * Errors:    HI_E_NOMEM.
 */
#ifndef HI_INJECTOR_INTERFACE_H
#define HI_INJECTOR_INTERFACE_H

#include "elfscan/drift.h"
#include "injector/build.h"

/*
 * Compare two builds, whose units and variables are known. Of units that are alike
 * nothing is read, of others as much as tells whether the interface can have changed
 * at all (unchanged.h); only then all is.
 */
int hi_interface_compare(struct hi_build *old, struct hi_build *new,
			 const struct hi_drift_options *options,
			 struct hi_drift *ret_drift,
			 struct hi_err *err) HI_MUST_USE;

#endif
