/*
 * relink_parts - what the files of the relink module share; nobody else includes
 * it.
 */
#ifndef HI_INJECTOR_RELINK_PARTS_H
#define HI_INJECTOR_RELINK_PARTS_H

#include "elfscan/dies.h"
#include "elfscan/uses.h"
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

/* relink_words.c: what the host has at the place of each relocation of BUILD. */
int hi_relink_read_words(const struct hi_build *build,
			 const struct hi_host *host, uint64_t *words,
			 struct hi_err *err) HI_MUST_USE;

#define HI_MEANINGS_MAX 8

/* What an operand could mean; the variable that it is inside of comes first. */
struct hi_meanings {
	const struct hi_symbol *symbols[HI_MEANINGS_MAX];
	size_t n;
};

/* What becomes of the address of one site. */
struct hi_followed {
	struct hi_use *uses;
	size_t n;
};

/* What the variables of a build are, by its debug information. */
struct hi_shapes {
	const struct hi_build *build;
	struct hi_dies dies;
	bool opened; /* when first asked for */
};

/* The operands of one function of a build. */
struct hi_site_group {
	const struct hi_build *build;
	struct hi_shapes *shapes;
	bool moves; /* it is the new one: what moves alike is all the same */
	const struct hi_site *sites;
	size_t n;
	struct hi_uses *uses;         /* these: made when first asked for */
	struct hi_followed *followed; /* by site */
	struct hi_callee *callees;
	size_t n_callees;
};

/* Those of the same function in the new and in the current build. */
struct hi_site_pair {
	const struct hi_relink *relink;
	bool unmoved; /* all variables are where they were */
	bool at_home; /* all variables live in the current build or the new */
	struct hi_site_group new, old; /* old.n 0: it was not there */
	bool opened;                   /* old */
	bool paired;
	size_t n_first; /* sites that are surely the first of both */
	size_t n_last;  /* the same from the end */
};

/*
 * relink_resolve.c: find out for each site of the build which variable it means,
 * into relink->meant.
 */
int hi_relink_resolve(struct hi_relink *relink, struct hi_err *err) HI_MUST_USE;
void hi_relink_find_meanings(const struct hi_build *build,
			     const struct hi_site *site,
			     struct hi_meanings *ret_meanings);
/* How far a variable is from its home; 0 for one that is new. */
uint64_t hi_relink_distance(const struct hi_build *build,
			    const struct hi_symbol *symbol);
static inline bool hi_relink_names_data(const struct hi_site *site)
{
	return site->kind == HI_SITE_ACCESS || site->kind == HI_SITE_ADDRESS;
}
static inline bool hi_relink_is_inside(const struct hi_symbol *symbol,
				       uint64_t addr_link)
{
	return addr_link - symbol->addr_link < symbol->size;
}

/*
 * relink_twins.c: the meaning that the same operand has in the current build, or
 * NULL: not known.
 */
int hi_relink_ask_twin(struct hi_site_pair *pair, const struct hi_site *site,
		       const struct hi_meanings *meanings,
		       const struct hi_symbol **ret_symbol,
		       struct hi_err *err) HI_MUST_USE;

/* The only variable, of all, from which SITE is as far as the same operand in the
   current build; NULL: none, or it has not moved apart from others. */
const struct hi_symbol *hi_relink_find_as_far(struct hi_site_pair *pair,
					      const struct hi_site *site);
/* Look for the function in the current build. */
void hi_relink_open_old(struct hi_site_pair *pair);
/* Whether OLD is off SYMBOL's counterpart as far as SITE is. */
bool hi_relink_agree(const struct hi_relink *relink, const struct hi_site *site,
		     const struct hi_site *old, const struct hi_symbol *symbol);
/* Whether OLD stands among the same instructions. Both groups are followed. */
bool hi_relink_is_near_alike(const struct hi_site_pair *pair,
			     const struct hi_site *site,
			     const struct hi_site *old);

/* relink_follow.c: set followed. The sites are in a function. */
int hi_relink_follow(struct hi_site_group *group,
		     struct hi_err *err) HI_MUST_USE;
void hi_relink_forget_uses(struct hi_site_group *group);

/* relink_uses.c: the meaning that the code of the function proves, or NULL. */
int hi_relink_ask_uses(struct hi_site_group *group, const struct hi_site *site,
		       const struct hi_meanings *meanings,
		       const struct hi_symbol **ret_symbol,
		       struct hi_err *err) HI_MUST_USE;
/* relink_rival.c: nothing proves a meaning; set symbol, and other when the code
   does not rule it out. */
int hi_relink_find_rival(struct hi_site_group *group,
			 const struct hi_site *site,
			 const struct hi_meanings *meanings,
			 struct hi_meant *ret_meant,
			 struct hi_err *err) HI_MUST_USE;

/* relink_far.c: MEANT is where SITE lands, and nothing more is known; it may be the
   start of another variable's index. */
int hi_relink_find_far(struct hi_site_pair *pair, const struct hi_site *site,
		       struct hi_meant *meant, struct hi_err *err) HI_MUST_USE;

/* relink_shapes.c: whether SYMBOL is known to be a number or a pointer: nobody walks
   over it. */
bool hi_relink_is_scalar(struct hi_shapes *shapes,
			 const struct hi_symbol *symbol);
/* Whether SYMBOL has an array that begins or ends at ADDR_LINK, or a few elements from
   there. */
bool hi_relink_may_index(struct hi_shapes *shapes,
			 const struct hi_symbol *symbol, uint64_t addr_link);
/* Whether an index can lead from ADDR_LINK, which may be anywhere, to an element of
   SYMBOL. */
bool hi_relink_may_lead(struct hi_shapes *shapes,
			const struct hi_symbol *symbol, uint64_t addr_link);
void hi_relink_close_shapes(struct hi_shapes *shapes);

/* relink_outside.c: the same for an address that no variable is near. */
int hi_relink_resolve_outside(struct hi_site_pair *pair,
			      const struct hi_site *site,
			      struct hi_meant *ret_meant,
			      struct hi_err *err) HI_MUST_USE;

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
