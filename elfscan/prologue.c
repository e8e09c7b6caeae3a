#include "elfscan/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/insn.h"

/*
 * Why this is a proof, and cheap enough for the moment when the host stands
 * still: the old body never runs again, so nothing has to be known about the
 * instructions that are overwritten. What must be known is that nobody arrives
 * behind the first byte of the jump. All who could:
 *
 *   - a direct branch anywhere in the image: all text has been walked by length
 *     (measured, not disassembled) and every target is a bit in a map. Text
 *     that does not decode, or that nothing vouches for, is not walked but
 *     searched: each byte that could begin a branch counts as one.
 *   - a jump table: functions with an indirect jump have every table that they
 *     name read as 4-byte distances from its own start.
 *   - a label's address in data (relocations) or in a register (lea).
 *
 * A function that does not decode as a whole may hold data where an instruction
 * is expected, and is left alone.
 */
struct survey {
	const struct hi_text *text;
	uint64_t low; /* the map's first address */
	uint64_t high;
	uint8_t *arrivals; /* a bit for each byte of text */
};

static void mark(struct survey *survey, uint64_t addr)
{
	if (addr >= survey->low && addr < survey->high)
		survey->arrivals[(addr - survey->low) >> 3] |=
			1u << ((addr - survey->low) & 7);
}

static bool is_marked(const struct survey *survey, uint64_t addr)
{
	if (addr < survey->low || addr >= survey->high)
		return false;
	return survey->arrivals[(addr - survey->low) >> 3] >>
		       ((addr - survey->low) & 7) &
	       1;
}

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Count every byte that could begin a branch as one. */
static void search_branches(struct survey *survey, const uint8_t *bytes,
			    size_t len, uint64_t addr)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t op = bytes[i];

		if (op == 0x0f && i + 6 <= len && (bytes[i + 1] & 0xf0) == 0x80)
			mark(survey, addr + i + 6 + read_i32(bytes + i + 2));
		else if ((op == 0xe8 || op == 0xe9) && i + 5 <= len)
			mark(survey, addr + i + 5 + read_i32(bytes + i + 1));
		else if (((op & 0xf0) == 0x70 || op == 0xeb ||
			  (op & 0xfc) == 0xe0) &&
			 i + 2 <= len)
			mark(survey, addr + i + 2 + (int8_t)bytes[i + 1]);
	}
}

/* A table of 4-byte distances from its start, while they lead into text. */
static void read_jump_table(struct survey *survey, uint64_t table)
{
	const uint8_t *bytes;

	if (hi_image_get_data_kind(survey->text->image, table) !=
	    HI_DATA_READONLY)
		return;
	for (uint64_t at = table;
	     (bytes = hi_image_find_bytes(survey->text->image, at, 4));
	     at += 4) {
		uint64_t target = table + read_i32(bytes);

		if (target < survey->low || target >= survey->high)
			break;
		mark(survey, target);
	}
}

/* What the fields and the inner branches of region I lead to. */
static void mark_region(struct survey *survey, size_t i, const uint8_t *bytes)
{
	const struct hi_text_region *part = &survey->text->parts[i];
	uint64_t start = survey->text->regions[i].start_link;

	for (unsigned int at = 0; part->arrivals >> at; at++)
		if (part->arrivals >> at & 1)
			mark(survey, start + at);
	for (uint32_t f = 0; f < part->n; f++) {
		const struct hi_field *field =
			&survey->text->fields[part->first + f];
		uint64_t target;

		if (field->kind == HI_FIELD_ACCESS)
			continue;
		target = hi_field_get_target(field, bytes, start);
		mark(survey, target);
		if (part->indirect && field->kind == HI_FIELD_ADDRESS)
			read_jump_table(survey, target);
	}
}

static void survey_text(struct survey *survey)
{
	for (size_t i = 0; i < survey->text->n_regions; i++) {
		const struct hi_region *region = &survey->text->regions[i];
		const uint8_t *bytes = hi_text_find_bytes(survey->text, i);

		if (!bytes)
			continue;
		/* that an instruction begins where a gap does is a guess */
		if (!region->gap && survey->text->parts[i].decodes)
			mark_region(survey, i, bytes);
		else
			search_branches(survey, bytes,
					region->end_link - region->start_link,
					region->start_link);
	}
}

/* Entries, of which one may lie just behind another; and labels whose address
   stands in data: computed goto. */
static void survey_addresses(struct survey *survey,
			     const struct hi_reloc *relocs, size_t n_relocs)
{
	const struct hi_symbol *functions;
	size_t n;

	for (size_t i = 0; i < n_relocs; i++)
		if (relocs[i].type == R_X86_64_RELATIVE)
			mark(survey, relocs[i].addend);
	functions = hi_symtab_get_functions(survey->text->symtab, &n);
	for (size_t i = 0; i < n; i++)
		mark(survey, functions[i].addr_link);
}

static int survey_init(struct survey *survey, const struct hi_text *text,
		       const struct hi_reloc *relocs, size_t n_relocs,
		       struct hi_err *err)
{
	size_t n_ranges;
	const struct hi_range *ranges =
		hi_image_get_text_ranges(text->image, &n_ranges);

	memset(survey, 0, sizeof(*survey));
	survey->text = text;
	if (n_ranges) {
		survey->low = ranges[0].start;
		survey->high = ranges[n_ranges - 1].end;
	}
	survey->arrivals = calloc((survey->high - survey->low) / 8 + 1, 1);
	if (!survey->arrivals)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the map of branches");
	survey_text(survey);
	survey_addresses(survey, relocs, n_relocs);
	return 0;
}

/* [START, END) behind REGION is nothing but padding. */
static bool is_padding(const struct survey *survey,
		       const struct hi_region *region, uint64_t end)
{
	const struct hi_region *next = region + 1;
	uint64_t at = region->end_link;
	struct hi_insn insn;

	if (next == survey->text->regions + survey->text->n_regions ||
	    !next->gap || next->start_link != at || next->end_link < end)
		return false;
	for (; at < end; at += insn.len) {
		size_t len = next->end_link - at;
		const uint8_t *bytes =
			hi_image_find_bytes(survey->text->image, at, len);

		if (!bytes || !hi_insn_measure(bytes, len, at, &insn) ||
		    !insn.is_nop)
			return false;
	}
	return true;
}

/* Why no jump can stand JUMP_AT bytes behind the entry; NULL: it can. */
static const char *find_obstacle(const struct survey *survey,
				 const struct hi_region *region,
				 unsigned int jump_at)
{
	uint64_t jump = region->start_link + jump_at;
	uint64_t end = jump + HI_JUMP_LEN;

	if (end > region->end_link && !is_padding(survey, region, end))
		return "shorter than 5 bytes";
	for (uint64_t addr = jump + 1; addr < end; addr++)
		if (is_marked(survey, addr))
			return "a branch leads into its first bytes";
	return NULL;
}

static bool starts_with_endbr64(const struct survey *survey, uint64_t addr)
{
	const uint8_t *bytes =
		hi_image_find_bytes(survey->text->image, addr, 4);

	return bytes && !memcmp(bytes, "\xf3\x0f\x1e\xfa", 4);
}

static void judge_entry(const struct survey *survey, uint64_t addr,
			struct hi_prologue *prologue)
{
	const struct hi_region *region = hi_regions_find(
		survey->text->regions, survey->text->n_regions, addr);

	if (!region)
		prologue->reason = "outside the text";
	else if (region->start_link != addr)
		prologue->reason = "begins inside another function";
	else if (region->gap ||
		 !survey->text->parts[region - survey->text->regions].decodes)
		prologue->reason = "not all of it decodes as instructions";
	if (prologue->reason)
		return;
	if (starts_with_endbr64(survey, addr) &&
	    !find_obstacle(survey, region, 4))
		prologue->jump_at = 4;
	else
		prologue->reason = find_obstacle(survey, region, 0);
	if (prologue->reason)
		return;
	prologue->patchable = true;
	prologue->window = prologue->jump_at + HI_JUMP_LEN;
}

/* Functions FIRST to END share one address. */
static void judge_group(const struct survey *survey,
			const struct hi_symbol *functions, size_t first,
			size_t end, struct hi_prologue *prologues)
{
	struct hi_prologue shared = { 0 };

	for (size_t i = first; i < end; i++)
		if (functions[i].type == HI_SYM_IFUNC)
			shared.reason = "its address is an IFUNC resolver";
	if (!shared.reason)
		judge_entry(survey, functions[first].addr_link, &shared);
	for (size_t i = first; i < end; i++) {
		prologues[i] = shared;
		if (functions[i].compiler_made || functions[i].clone)
			prologues[i] = (struct hi_prologue){
				.reason = functions[i].clone ?
						  "a part or clone of another "
						  "function" :
						  "made by the compiler",
			};
	}
}

int hi_prologue_check_all(const struct hi_text *text,
			  const struct hi_reloc *relocs, size_t n_relocs,
			  struct hi_prologue **ret_prologues,
			  struct hi_err *err)
{
	const struct hi_symbol *functions;
	struct hi_prologue *prologues;
	struct survey survey;
	size_t n, end;
	int code;

	functions = hi_symtab_get_functions(text->symtab, &n);
	prologues = calloc(n + 1, sizeof(*prologues));
	if (!prologues)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the patch points");
	code = survey_init(&survey, text, relocs, n_relocs, err);
	for (size_t first = 0; code == 0 && first < n; first = end) {
		for (end = first + 1; end < n; end++)
			if (functions[end].addr_link !=
			    functions[first].addr_link)
				break;
		judge_group(&survey, functions, first, end, prologues);
	}
	free(survey.arrivals);
	if (code < 0) {
		free(prologues);
		return code;
	}
	*ret_prologues = prologues;
	return 0;
}
