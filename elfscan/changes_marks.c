#include "elfscan/changes_parts.h"

#include <stdlib.h>
#include <string.h>

/*
 * Literals have no symbols: nothing in the file says how long a string, an
 * initializer or a jump table is. But each is named from somewhere, by an operand
 * in the text or a relocated word in data, so one ends where the next that is
 * named begins. A word of the text that only looks like an operand makes a mark
 * too many, which at worst cuts an object of which a part is named elsewhere.
 */
struct mark_list {
	uint64_t *items;
	size_t n, cap;
	bool failed;
};

static void add(struct mark_list *list, uint64_t addr)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 1024;
		uint64_t *items =
			reallocarray(list->items, cap, sizeof(*items));

		if (!items) {
			list->failed = true;
			return;
		}
		list->items = items;
		list->cap = cap;
	}
	list->items[list->n++] = addr;
}

/* From the lowest to the highest address that marks are wanted for. */
static struct hi_range find_span(const struct hi_image *image)
{
	const struct hi_image_header *header = hi_image_get_header(image);
	struct hi_range span = { UINT64_MAX, 0 };

	for (size_t i = 0; i < header->n_phdrs; i++) {
		const GElf_Phdr *phdr = &header->phdrs[i];

		if (phdr->p_type != PT_LOAD || (phdr->p_flags & PF_X))
			continue;
		if (phdr->p_vaddr < span.start)
			span.start = phdr->p_vaddr;
		if (phdr->p_vaddr + phdr->p_filesz > span.end)
			span.end = phdr->p_vaddr + phdr->p_filesz;
	}
	return span;
}

static void scan_text(const struct hi_image *image, const struct hi_range *text,
		      const struct hi_range *span, struct mark_list *list)
{
	size_t len = text->end - text->start;
	const uint8_t *bytes = hi_image_find_bytes(image, text->start, len);
	int32_t word;

	/* ModRM with mod 00 and rm 101, then the displacement */
	for (size_t i = 1; bytes && i + 4 <= len; i++) {
		uint64_t target;

		if ((bytes[i - 1] & 0xc7) != 0x05)
			continue;
		memcpy(&word, bytes + i, sizeof(word));
		target = text->start + i + 4 + word;
		if (target >= span->start && target < span->end)
			add(list, target);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void hi_comparison_mark(struct hi_comparison *comparison, struct hi_side *side)
{
	const struct hi_build_facts *facts = side->facts;
	struct hi_range span = find_span(facts->image);
	struct mark_list list = { 0 };
	const struct hi_range *text;
	const struct hi_symbol *variables;
	size_t n;

	if (side->marked)
		return;
	side->marked = true;
	text = hi_image_get_text_ranges(facts->image, &n);
	for (size_t i = 0; i < n; i++)
		scan_text(facts->image, &text[i], &span, &list);
	for (size_t i = 0; i < facts->n_relocs; i++)
		if (facts->relocs[i].type == R_X86_64_RELATIVE)
			add(&list, facts->relocs[i].addend);
	variables = hi_symtab_get_variables(facts->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (variables[i].type == HI_SYM_OBJECT)
			add(&list, variables[i].addr_link);
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare);
	side->marks = list.items;
	side->n_marks = list.n;
	comparison->failed |= list.failed;
}
