#include "elfscan/changes_parts.h"

#include <string.h>

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

const struct hi_reloc *hi_comparison_find_reloc(const struct hi_side *side,
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

bool hi_comparison_same_reloc(struct hi_comparison *comparison,
			      const struct hi_reloc *old,
			      const struct hi_reloc *new)
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
		const struct hi_reloc *a = hi_comparison_find_reloc(
			&comparison->old, c->old_link + at);
		const struct hi_reloc *b = hi_comparison_find_reloc(
			&comparison->new, c->new_link + at);

		n = a && b ? 8 : 1;
		if (len - at < n || (a && !b) || (b && !a))
			return false;
		if (a && b ? !hi_comparison_same_reloc(comparison, a, b) :
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

bool hi_comparison_same_content(struct hi_comparison *comparison,
				uint64_t old_link, uint64_t new_link)
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

/*
 * Linkers let a string literal serve as the end of a longer one. Where one of two
 * equal texts has such another beginning inside, both are literals, and all there is
 * to compare.
 */
static bool same_literals(struct hi_comparison *comparison, uint64_t old_link,
			  uint64_t new_link)
{
	const char *old = find_text(&comparison->old, old_link);
	const char *new = find_text(&comparison->new, new_link);
	size_t len;

	if (!old || !new || strcmp(old, new) != 0)
		return false;
	len = strlen(old);
	return object_end(comparison, &comparison->old, old_link) <=
		       old_link + len ||
	       object_end(comparison, &comparison->new, new_link) <=
		       new_link + len;
}

bool hi_comparison_same_readonly(struct hi_comparison *comparison,
				 uint64_t old_link, uint64_t new_link)
{
	const uint8_t *p, *q;
	uint64_t old_len = string_len(&comparison->old, old_link, &p);
	uint64_t new_len = string_len(&comparison->new, new_link, &q);

	if (old_len && new_len)
		return old_len == new_len && !memcmp(p, q, old_len);
	return hi_comparison_same_content(comparison, old_link, new_link) ||
	       same_literals(comparison, old_link, new_link);
}
