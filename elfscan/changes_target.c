#include "elfscan/changes_parts.h"

#include <stdlib.h>
#include <string.h>

/* References followed from read-only data to read-only data (vtables, tables of
   strings), and from callers to callees without a name. */
#define MAX_DEPTH 1000

static const struct hi_symbol *twin_of(const struct hi_side *side,
				       const struct hi_symbol *function)
{
	return side->twins[function - side->functions];
}

/* A call to a clone is the same only if the clone is: nobody replaces it. */
static bool same_function(struct hi_comparison *comparison,
			  const struct hi_symbol *old, uint64_t old_link,
			  const struct hi_symbol *new, uint64_t new_link)
{
	const struct hi_symbol *twin = twin_of(&comparison->old, old);

	if (!twin || twin->addr_link != new->addr_link ||
	    old_link - old->addr_link != new_link - new->addr_link)
		return false;
	return !twin->clone ||
	       !comparison->new.changed[twin - comparison->new.functions];
}

/* The GOT entry that a PLT stub jumps through; 0: ADDR is no stub. */
static uint64_t find_stub_entry(const struct hi_side *side, uint64_t addr)
{
	GElf_Shdr section;
	const char *name =
		hi_image_find_section_at(side->facts->image, addr, &section);
	const uint8_t *bytes;
	struct hi_insn insn;

	if (!name || strncmp(name, ".plt", 4) != 0)
		return 0;
	bytes = hi_image_find_bytes(side->facts->image, addr, 16);
	/* endbr64, then the jump; 16 bytes at most in all kinds of PLT */
	for (size_t at = 0; bytes && at < 16; at += insn.len) {
		if (!hi_insn_measure(bytes + at, 16 - at, addr + at, &insn))
			return 0;
		if (insn.flow == HI_FLOW_JUMP)
			return insn.rip_relative ? insn.data_link : 0;
	}
	return 0;
}

static const struct hi_region *find_region(struct hi_comparison *comparison,
					   struct hi_side *side, uint64_t addr)
{
	if (!side->regions &&
	    hi_regions_new(side->facts->image, side->facts->symtab,
			   &side->regions, &side->n_regions, NULL) < 0)
		comparison->failed = true;
	return hi_regions_find(side->regions, side->n_regions, addr);
}

/* Functions that only the unwind table knows: nobody replaces them, so they are
   part of who calls them. */
static bool same_nameless(struct hi_comparison *comparison, uint64_t old_link,
			  uint64_t new_link)
{
	const struct hi_region *old =
		find_region(comparison, &comparison->old, old_link);
	const struct hi_region *new =
		find_region(comparison, &comparison->new, new_link);

	if (!old || !new || old->gap || new->gap ||
	    old_link - old->start_link != new_link - new->start_link ||
	    old->end_link - old->start_link != new->end_link - new->start_link)
		return false;
	return hi_comparison_same_code(comparison, old->start_link,
				       new->start_link,
				       old->end_link - old->start_link);
}

static bool same_text(struct hi_comparison *comparison, uint64_t old_link,
		      uint64_t new_link)
{
	const struct hi_side *a = &comparison->old, *b = &comparison->new;
	const struct hi_symbol *old =
		hi_symtab_find_function_at(a->facts->symtab, old_link);
	const struct hi_symbol *new =
		hi_symtab_find_function_at(b->facts->symtab, new_link);
	const struct hi_reloc *old_entry, *new_entry;

	if (old && new)
		return same_function(comparison, old, old_link, new, new_link);
	if (old || new)
		return false;
	if (!find_stub_entry(a, old_link))
		return same_nameless(comparison, old_link, new_link);
	old_entry = hi_comparison_find_reloc(a, find_stub_entry(a, old_link));
	new_entry = hi_comparison_find_reloc(b, find_stub_entry(b, new_link));
	return old_entry && new_entry &&
	       hi_comparison_same_reloc(comparison, old_entry, new_entry);
}

static bool same_variable(struct hi_comparison *comparison,
			  const struct hi_symbol *old, uint64_t old_link,
			  const struct hi_symbol *new, uint64_t new_link)
{
	bool ambiguous;
	const struct hi_symbol *twin = hi_symtab_find_same(
		comparison->new.facts->symtab, comparison->old.facts->symtab,
		old, &ambiguous);

	return twin && !ambiguous && (new->addr_link == twin->addr_link) &&
	       old_link - old->addr_link == new_link - new->addr_link;
}

/*
 * The end of an array, where a loop stops, is another variable's start. It is
 * meant as an end when the same variable ends there in both builds and what
 * begins there, if anything, lives on elsewhere: then it is no new name for it.
 */
static bool same_end(struct hi_comparison *comparison, uint64_t old_link,
		     uint64_t new_link)
{
	const struct hi_symtab *a = comparison->old.facts->symtab;
	const struct hi_symtab *b = comparison->new.facts->symtab;
	const struct hi_symbol *old =
		hi_symtab_find_variable_at(a, old_link - 1);
	const struct hi_symbol *new =
		hi_symtab_find_variable_at(b, new_link - 1);
	const struct hi_symbol *old_next, *new_next;
	bool ambiguous;

	if (!old || !new || old->addr_link + old->size != old_link ||
	    new->addr_link + new->size != new_link ||
	    !same_variable(comparison, old, old_link, new, new_link))
		return false;
	old_next = hi_symtab_find_variable_at(a, old_link);
	new_next = hi_symtab_find_variable_at(b, new_link);
	return (!old_next || hi_symtab_find_same(b, a, old_next, &ambiguous)) &&
	       (!new_next || hi_symtab_find_same(a, b, new_next, &ambiguous));
}

/* The next variable behind ADDR, if it begins within an index or two. */
static const struct hi_symbol *find_next(const struct hi_symtab *symtab,
					 uint64_t addr)
{
	const struct hi_symbol *found = NULL;

	for (uint64_t at = 8; at <= 64 && !found; at += 8)
		found = hi_symtab_find_variable_at(symtab, (addr + at) & ~7UL);
	return found && found->addr_link > addr ? found : NULL;
}

/* Before an array whose index begins with 1, where nothing else is. */
static bool same_start(struct hi_comparison *comparison, uint64_t old_link,
		       uint64_t new_link)
{
	const struct hi_symbol *old =
		find_next(comparison->old.facts->symtab, old_link);
	const struct hi_symbol *new =
		find_next(comparison->new.facts->symtab, new_link);

	return old && new &&
	       old->addr_link - old_link ==
		       new->addr_link - new_link &&hi_comparison_same_content(
						comparison, old->addr_link,
						new->addr_link);
}

static bool same_state(struct hi_comparison *comparison, uint64_t old_link,
		       uint64_t new_link, bool is_lea)
{
	const struct hi_symbol *old = hi_symtab_find_variable_at(
		comparison->old.facts->symtab, old_link);
	const struct hi_symbol *new = hi_symtab_find_variable_at(
		comparison->new.facts->symtab, new_link);
	GElf_Shdr a, b;

	if (old && new != NULL &&
	    same_variable(comparison, old, old_link, new, new_link))
		return true;
	if (is_lea && same_end(comparison, old_link, new_link))
		return true;
	if (old || new)
		return false;
	/* without symbols: the same place in the same section */
	return hi_image_find_section_at(comparison->old.facts->image, old_link,
					&a) &&
	       hi_image_find_section_at(comparison->new.facts->image, new_link,
					&b) &&
	       a.sh_type == b.sh_type && a.sh_size == b.sh_size &&
	       old_link - a.sh_addr == new_link - b.sh_addr;
}

/* A GOT entry, or data that is constant once it is relocated. */
static bool same_relocated(struct hi_comparison *comparison, uint64_t old_link,
			   uint64_t new_link)
{
	const struct hi_side *a = &comparison->old, *b = &comparison->new;
	const struct hi_symbol *old =
		hi_symtab_find_variable_at(a->facts->symtab, old_link);
	const struct hi_symbol *new =
		hi_symtab_find_variable_at(b->facts->symtab, new_link);
	const struct hi_reloc *old_reloc, *new_reloc;

	if (old && new)
		return hi_comparison_same_content(comparison, old_link,
						  new_link);
	if (old || new)
		return false;
	old_reloc = hi_comparison_find_reloc(a, old_link);
	new_reloc = hi_comparison_find_reloc(b, new_link);
	if (old_reloc && new_reloc)
		return hi_comparison_same_reloc(comparison, old_reloc,
						new_reloc);
	return false;
}

static bool judge(struct hi_comparison *comparison, uint64_t old_link,
		  uint64_t new_link, bool is_lea)
{
	enum hi_data_kind kind =
		hi_image_get_data_kind(comparison->old.facts->image, old_link);

	if (kind !=
	    hi_image_get_data_kind(comparison->new.facts->image, new_link))
		return is_lea && same_end(comparison, old_link, new_link);
	switch (kind) {
	case HI_DATA_STATE:
		return same_state(comparison, old_link, new_link, is_lea);
	case HI_DATA_READONLY:
		/* what follows a variable here may be a literal without a
		   symbol: never taken for the variable's end */
		return hi_comparison_same_readonly(comparison, old_link,
						   new_link);
	case HI_DATA_RELRO:
		return same_relocated(comparison, old_link, new_link) ||
		       (is_lea && (same_end(comparison, old_link, new_link) ||
				   same_start(comparison, old_link, new_link)));
	case HI_DATA_GOT:
		return same_relocated(comparison, old_link, new_link);
	default:
		return same_text(comparison, old_link, new_link) ||
		       (is_lea && same_end(comparison, old_link, new_link));
	}
}

static struct hi_verdict *find_verdict(struct hi_comparison *comparison,
				       uint64_t old_link, uint64_t new_link)
{
	size_t mask = comparison->cap_verdicts - 1;
	size_t at = (old_link * 0x9e3779b97f4a7c15 ^
		     new_link * 0xc2b2ae3d27d4eb4f) >>
			    20 &
		    mask;

	while (comparison->verdicts[at].used &&
	       (comparison->verdicts[at].old_link != old_link ||
		comparison->verdicts[at].new_link != new_link))
		at = (at + 1) & mask;
	return &comparison->verdicts[at];
}

static bool make_room(struct hi_comparison *comparison)
{
	struct hi_verdict *before = comparison->verdicts;
	size_t cap = comparison->cap_verdicts;

	if (cap && comparison->n_verdicts < cap / 2)
		return true;
	comparison->cap_verdicts = cap ? cap * 2 : 4096;
	comparison->verdicts =
		calloc(comparison->cap_verdicts, sizeof(struct hi_verdict));
	if (!comparison->verdicts) {
		comparison->verdicts = before;
		comparison->cap_verdicts = cap;
		comparison->failed = true;
		return false;
	}
	for (size_t i = 0; i < cap; i++)
		if (before[i].used)
			*find_verdict(comparison, before[i].old_link,
				      before[i].new_link) = before[i];
	free(before);
	return true;
}

bool hi_comparison_same_target(struct hi_comparison *comparison,
			       uint64_t old_link, uint64_t new_link,
			       bool is_lea)
{
	struct hi_verdict *verdict;
	bool same;

	/* a lea and an access of one pair of addresses may differ */
	new_link |= (uint64_t)is_lea << 63;
	if (!make_room(comparison) || comparison->depth == MAX_DEPTH)
		return false;
	verdict = find_verdict(comparison, old_link, new_link);
	if (verdict->used) {
		comparison->assumed |= verdict->open;
		return verdict->same;
	}
	/* what leads back to itself is the same unless something else differs */
	*verdict = (struct hi_verdict){ old_link, new_link, true, true, true };
	comparison->n_verdicts++;
	comparison->depth++;
	same = judge(comparison, old_link, new_link & ~(1ULL << 63), is_lea);
	comparison->depth--;
	verdict = find_verdict(comparison, old_link, new_link);
	verdict->same = same;
	verdict->open = false;
	if (comparison->depth == 0) {
		/* others may have been called the same on a wrong assumption */
		if (!same && comparison->assumed)
			hi_comparison_forget(comparison);
		comparison->assumed = false;
	}
	return same;
}

void hi_comparison_forget(struct hi_comparison *comparison)
{
	if (comparison->verdicts)
		memset(comparison->verdicts, 0,
		       comparison->cap_verdicts * sizeof(struct hi_verdict));
	comparison->n_verdicts = 0;
}
