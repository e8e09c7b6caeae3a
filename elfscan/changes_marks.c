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
static void add(struct hi_side *side, uint64_t addr)
{
	uint64_t at = addr - side->marked.start;

	if (addr >= side->marked.start && addr < side->marked.end)
		side->marks[at / 64] |= 1ULL << at % 64;
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
	if (span.end < span.start)
		span.start = span.end;
	return span;
}

static void scan_text(struct hi_side *side, const struct hi_range *text)
{
	size_t len = text->end - text->start;
	const uint8_t *bytes =
		hi_image_find_bytes(side->facts->image, text->start, len);
	int32_t word;

	/* ModRM with mod 00 and rm 101, then the displacement */
	for (size_t i = 1; bytes && i + 4 <= len; i++) {
		if ((bytes[i - 1] & 0xc7) != 0x05)
			continue;
		memcpy(&word, bytes + i, sizeof(word));
		add(side, text->start + i + 4 + word);
	}
}

/* One bit for each byte of the span. */
static void collect(struct hi_side *side)
{
	const struct hi_build_facts *facts = side->facts;
	const struct hi_symbol *variables;
	const struct hi_range *text;
	size_t n;

	text = hi_image_get_text_ranges(facts->image, &n);
	for (size_t i = 0; i < n; i++)
		scan_text(side, &text[i]);
	for (size_t i = 0; i < facts->n_relocs; i++)
		if (facts->relocs[i].type == R_X86_64_RELATIVE)
			add(side, facts->relocs[i].addend);
	variables = hi_symtab_get_variables(facts->symtab, &n);
	for (size_t i = 0; i < n; i++)
		if (variables[i].type == HI_SYM_OBJECT)
			add(side, variables[i].addr_link);
}

uint64_t hi_comparison_next_mark(struct hi_comparison *comparison,
				 struct hi_side *side, uint64_t addr,
				 uint64_t end)
{
	if (!side->marks) {
		side->marked = find_span(side->facts->image);
		side->marks =
			calloc((side->marked.end - side->marked.start) / 64 + 1,
			       sizeof(uint64_t));
		if (!side->marks) {
			comparison->failed = true;
			return end;
		}
		collect(side);
	}
	if (addr < side->marked.start || end > side->marked.end)
		return end;
	for (addr++; addr < end;) {
		uint64_t at = addr - side->marked.start;
		uint64_t bits = side->marks[at / 64] >> at % 64;

		if (bits) {
			addr += __builtin_ctzll(bits);
			return addr < end ? addr : end;
		}
		addr += 64 - at % 64;
	}
	return end;
}
