/*
 * ifunc - functions whose implementation a resolver picks (STT_GNU_IFUNC).
 *
 * The address of such a function is that of the implementation which its first
 * build picked; the host holds it in slots and pointers. That implementation's
 * function leads for good: in each later build it stands for what the resolver
 * of that build picks, whatever its name.
 *
 *     resolve   the new build is mapped and sees itself only: its resolvers run in
 *               the loader's thread, guarded, their picks are stored, and
 *               next_symbol of the leading functions is set
 *
 * Ownership: hi_build.functions holds the leading function of each IFUNC symbol.
 * Errors:    HI_E_LOAD when a resolver fails, or what it picks cannot be followed;
 *            those of remote.
 * Source:    gABI extension STT_GNU_IFUNC; x86-64 psABI ch. 4.4 (IRELATIVE).
 */
#ifndef HI_INJECTOR_IFUNC_H
#define HI_INJECTOR_IFUNC_H

#include <stdbool.h>

#include "common/err.h"
#include "injector/loader.h"
#include "injector/relink.h"

/* Whether there is anything to resolve for BUILD. */
bool hi_ifunc_is_needed(const struct hi_worker *worker,
			const struct hi_build *build);

/* RELINK has been read, and isolated. */
int hi_ifunc_resolve(struct hi_relink *relink, struct hi_loader *loader,
		     struct hi_err *err) HI_MUST_USE;

/* A relocation that stores what a resolver of the build itself picks. */
bool hi_ifunc_is_own(const struct hi_reloc *reloc);
/* The function that leads for such a relocation of BUILD, or NULL. */
struct hi_function *hi_ifunc_find_lead(const struct hi_build *build,
				       const struct hi_reloc *reloc);

#endif
