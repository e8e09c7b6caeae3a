/*
 * relink_parts - what the files of the relink module share; nobody else includes
 * it.
 */
#ifndef HI_INJECTOR_RELINK_PARTS_H
#define HI_INJECTOR_RELINK_PARTS_H

#include "injector/relink.h"

#define HI_EMIT_RELOCS_HINT \
	"link the worker with -Wl,--emit-relocs, or pass --state=fresh"

/* Whether an address lies in the new build or in one that is or was live. */
bool hi_relink_is_ours(const struct hi_relink *relink, uint64_t address_remote);

/* The function of the table whose entry in the new build is at ADDR_LINK. */
struct hi_function *hi_relink_find_entry(const struct hi_relink *relink,
					 uint64_t addr_link);

/*
 * The variable that a reference to ADDR_LINK means; NULL for memory that is the
 * build's own. *ret_symbol is its symbol in the new build. One past the end of a
 * variable that is followed by padding means that variable.
 */
struct hi_variable *hi_relink_find_state(const struct hi_relink *relink,
					 uint64_t addr_link,
					 const struct hi_symbol **ret_symbol);

/*
 * relink_resolve.c: the variable of the new build that an operand means, or NULL.
 * *ret_other is another one that it could mean just as well, or NULL.
 */
const struct hi_symbol *hi_relink_resolve(const struct hi_relink *relink,
					  const struct hi_site *site,
					  const struct hi_symbol **ret_other);

/* Add the write of a 4-byte text field that is to reach TARGET_REMOTE. */
int hi_relink_set_field(const struct hi_relink *relink, struct hi_plan *plan,
			const struct hi_site *site, uint64_t target_remote,
			struct hi_err *err) HI_MUST_USE;

/* relink_tls.c */
void hi_relink_judge_tls(const struct hi_relink *relink,
			 struct hi_reasons *reasons);
/* A relocation of a thread-local: false when RELOC is none. */
bool hi_relink_is_tls(const struct hi_reloc *reloc);
int hi_relink_join_tls(const struct hi_relink *relink,
		       const struct hi_host *host, struct hi_plan *plan,
		       struct hi_err *err) HI_MUST_USE;
int hi_relink_isolate_tls(const struct hi_relink *relink,
			  const struct hi_host *host, struct hi_plan *plan,
			  struct hi_err *err) HI_MUST_USE;

#endif
