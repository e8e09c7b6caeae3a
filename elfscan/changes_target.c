#include "elfscan/changes_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"

/* References followed from read-only data to read-only data (vtables, tables of
   strings), and from callers to callees without a name. */
#define MAX_DEPTH 1000

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static const struct hi_reloc *find_reloc(const struct hi_side *side,
					 uint64_t place)
{
	const struct hi_reloc *relocs = side->facts->relocs;
	size_t low = 0, high = side->facts->n_relocs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (relocs[middle].place_link < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low < side->facts->n_relocs && relocs[low].place_link == place ?
		       &relocs[low] :
		       NULL;
}

/* An object of read-only data ends where the next begins that is named. */
static uint64_t object_end(struct hi_comparison *comparison,
			   struct hi_side *side, uint64_t addr)
{
	const struct hi_symbol *variable =
		hi_symtab_find_variable_at(side->facts->symtab, addr);
	GElf_Shdr section;

	if (variable)
		return variable->addr_link + variable->size;
	if (!hi_image_find_section_at(side->facts->image, addr, &section))
		return addr;
	return hi_comparison_next_mark(comparison, side, addr,
				       section.sh_addr + section.sh_size);
}

static bool same_reloc(struct hi_comparison *comparison,
		       const struct hi_reloc *old, const struct hi_reloc *new)
{
	if (old->type != new->type || strcmp(old->name, new->name) != 0 ||
	    strcmp(old->version, new->version) != 0)
		return false;
	if (old->name[0] || old->type != R_X86_64_RELATIVE)
		return old->addend == new->addend;
	return hi_comparison_same_target(comparison, old->addend, new->addend,
					 true);
}

static bool is_zero(const uint8_t *bytes, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Two objects of read-only data in the two builds. */
struct content {
	uint64_t old_link, new_link;
	const uint8_t *old_bytes, *new_bytes;
	uint64_t old_len, new_len;
};

/* What one has more than the other must be padding. */
static bool same_rest(const struct content *c, uint64_t at)
{
	uint64_t len = c->old_len < c->new_len ? c->old_len : c->new_len;

	return !memcmp(c->old_bytes + at, c->new_bytes + at, len - at) &&
	       is_zero(c->old_bytes + len, c->old_len - len) &&
	       is_zero(c->new_bytes + len, c->new_len - len);
}

static bool same_words(struct hi_comparison *comparison,
		       const struct content *c)
{
	uint64_t len = c->old_len < c->new_len ? c->old_len : c->new_len;
	uint64_t n;

	for (uint64_t at = 0; at < len; at += n) {
		const struct hi_reloc *a =
			find_reloc(&comparison->old, c->old_link + at);
		const struct hi_reloc *b =
			find_reloc(&comparison->new, c->new_link + at);

		n = a && b ? 8 : 1;
		if (len - at < n || (a && !b) || (b && !a))
			return false;
		if (a && b ? !same_reloc(comparison, a, b) :
			     c->old_bytes[at] != c->new_bytes[at])
			return false;
	}
	return same_rest(c, len);
}

/* The text of a string that begins at ADDR, NULL when there is none. */
static const char *find_text(const struct hi_side *side, uint64_t addr)
{
	const struct hi_image *image = side->facts->image;
	const uint8_t *bytes = hi_image_find_bytes(image, addr, 1);
	GElf_Shdr section;
	uint64_t room;

	if (!bytes || hi_image_get_data_kind(image, addr) != HI_DATA_READONLY ||
	    !hi_image_find_section_at(image, addr, &section))
		return NULL;
	room = section.sh_addr + section.sh_size - addr;
	for (uint64_t i = 0; i < room; i++) {
		if (!bytes[i])
			return i ? (const char *)bytes : NULL;
		if (bytes[i] < ' ' && !strchr("\a\b\t\n\v\f\r\033", bytes[i]))
			return NULL;
	}
	return NULL;
}

/* Whether the words at AT are distances from the table's start to the same place
   in the same function, or (clang's tables of strings) to equal texts. */
static bool same_distance(struct hi_comparison *comparison,
			  const struct content *c, uint64_t at)
{
	uint64_t old_to = c->old_link + read_i32(c->old_bytes + at);
	uint64_t new_to = c->new_link + read_i32(c->new_bytes + at);
	const char *a, *b;

	if (hi_symtab_find_function_at(comparison->old.facts->symtab, old_to))
		return hi_comparison_same_target(comparison, old_to, new_to,
						 false);
	/* small numbers are no distances: they would lead into the table */
	if (old_to - c->old_link < c->old_len ||
	    new_to - c->new_link < c->new_len)
		return false;
	a = find_text(&comparison->old, old_to);
	b = find_text(&comparison->new, new_to);
	return a && b && !strcmp(a, b);
}

static bool same_distances(struct hi_comparison *comparison,
			   const struct content *c)
{
	uint64_t len = c->old_len < c->new_len ? c->old_len : c->new_len;
	uint64_t at = 0;

	while (len - at >= 4 && same_distance(comparison, c, at))
		at += 4;
	return at && same_rest(c, at);
}

/* The content of two read-only objects: relocated words by what they name, others
   by their bytes, or all of them as distances. */
static bool same_content(struct hi_comparison *comparison, uint64_t old_link,
			 uint64_t new_link)
{
	struct content c = { .old_link = old_link, .new_link = new_link };

	c.old_len =
		object_end(comparison, &comparison->old, old_link) - old_link;
	c.new_len =
		object_end(comparison, &comparison->new, new_link) - new_link;
	c.old_bytes = hi_image_find_bytes(comparison->old.facts->image,
					  old_link, c.old_len);
	c.new_bytes = hi_image_find_bytes(comparison->new.facts->image,
					  new_link, c.new_len);
	if (!c.old_bytes || !c.new_bytes || !c.old_len || !c.new_len)
		return false;
	return same_words(comparison, &c) || same_distances(comparison, &c);
}

/* The length of the string at ADDR with its NUL, where only strings are; lld sets
   the flag for a mixture too, but then no entry size. */
static uint64_t string_len(const struct hi_side *side, uint64_t addr,
			   const uint8_t **ret_bytes)
{
	GElf_Shdr section;
	const uint8_t *end;
	uint64_t room;

	if (!hi_image_find_section_at(side->facts->image, addr, &section) ||
	    !(section.sh_flags & SHF_STRINGS) || section.sh_entsize != 1)
		return 0;
	room = section.sh_addr + section.sh_size - addr;
	*ret_bytes = hi_image_find_bytes(side->facts->image, addr, room);
	end = *ret_bytes ? memchr(*ret_bytes, 0, room) : NULL;
	return end ? end - *ret_bytes + 1 : 0;
}

static bool same_readonly(struct hi_comparison *comparison, uint64_t old_link,
			  uint64_t new_link)
{
	const uint8_t *p, *q;
	uint64_t old_len = string_len(&comparison->old, old_link, &p);
	uint64_t new_len = string_len(&comparison->new, new_link, &q);

	if (old_len && new_len)
		return old_len == new_len && !memcmp(p, q, old_len);
	return same_content(comparison, old_link, new_link);
}

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
	old_entry = find_reloc(a, find_stub_entry(a, old_link));
	new_entry = find_reloc(b, find_stub_entry(b, new_link));
	return old_entry && new_entry &&
	       same_reloc(comparison, old_entry, new_entry);
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
		return same_content(comparison, old_link, new_link);
	if (old || new)
		return false;
	old_reloc = find_reloc(a, old_link);
	new_reloc = find_reloc(b, new_link);
	if (old_reloc && new_reloc)
		return same_reloc(comparison, old_reloc, new_reloc);
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
		return same_readonly(comparison, old_link, new_link);
	case HI_DATA_RELRO:
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
