/*
 * Addresses outside of writable data that may be about a variable.
 *
 *     years[year - 1900] = 0;        lea  years-7600(%rip), %rdx
 *                                    movl $0, (%rdx,%rax,4)
 *
 * The compiler has put a part of the index into the address, which may then lie
 * anywhere. What is read and written behind it tells; here is only found out, in a
 * few instructions, where it is worth while to ask.
 */
#include "elfscan/sites_parts.h"

#include <string.h>

/* Instructions behind the lea that are looked at. */
#define WINDOW_MAX 32

/* rax, rcx, rdx, rsi, rdi, r8 to r11: psABI 3.2.1 */
#define CALLER_SAVED 0x0fc7

/* Of the linker or the loader: the text has no business there. */
static bool is_foreign(const char *name, const GElf_Shdr *shdr)
{
	static const char *const starts[] = { ".got", ".eh_frame", ".plt",
					      ".gcc_except_table" };

	if (shdr->sh_type != SHT_PROGBITS && shdr->sh_type != SHT_NOBITS)
		return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* An object that stays as it is, or the end of one. */
static bool is_constant(const struct hi_site_finder *finder, uint64_t addr)
{
	GElf_Shdr shdr;
	const char *name = hi_image_find_section_at(finder->image, addr, &shdr);
	enum hi_data_kind kind;

	if (!name)
		name = hi_image_find_section_at(finder->image, addr - 1, &shdr);
	if (name)
		return !is_foreign(name, &shdr);
	kind = hi_image_get_data_kind(finder->image, addr);
	return !hi_image_get_header(finder->image)->has_section_headers &&
	       kind != HI_DATA_NONE;
}

static bool is_text(const struct hi_site_finder *finder, uint64_t addr)
{
	size_t n;
	const struct hi_range *text =
		hi_image_get_text_ranges(finder->image, &n);

	for (size_t i = 0; i < n; i++)
		if (addr - text[i].start <= text[i].end - text[i].start)
			return true;
	return false;
}

/* What code takes the address of in the GOT: its base, and what thread-locals are
   found by. */
static bool is_got_word(const struct hi_site_finder *finder, uint64_t addr)
{
	struct hi_image_dyn dyn;

	if (hi_image_find_dyn(finder->image, DT_PLTGOT, &dyn) &&
	    dyn.value == addr)
		return true;
	for (size_t i = 0; i < finder->n_relocs; i++)
		if (finder->relocs[i].place_link == addr)
			return finder->relocs[i].type == R_X86_64_DTPMOD64 ||
			       finder->relocs[i].type == R_X86_64_TLSDESC;
	return false;
}

/* What the instruction at BYTES does with REG and an index. */
enum indexing { NOTHING, READS, WRITES };

static enum indexing indexing_of(struct hi_site_finder *finder,
				 const uint8_t *bytes, size_t len, uint8_t reg)
{
	struct hi_insn insn;
	struct hi_action action;
	const struct hi_operand *memory = &action.memory;

	if (!hi_decoder_explain(finder->decoder, bytes, len, 0, &insn,
				&action) ||
	    memory->kind != HI_OPERAND_MEM || memory->index == HI_REG_NONE ||
	    (memory->reg != reg && memory->index != reg))
		return NOTHING;
	/* what a lea makes of them may be written to as well */
	return action.writes_memory || insn.is_lea ? WRITES : READS;
}

/* What the instructions that follow the lea, which ends AT bytes into REGION, do
   with the address in its register. */
static enum indexing look_behind(struct hi_site_finder *finder,
				 const struct hi_region *region,
				 const uint8_t *bytes, size_t at, uint8_t reg)
{
	size_t len = region->end_link - region->start_link;
	enum indexing found = NOTHING;
	struct hi_insn insn;

	for (int i = 0; i < WINDOW_MAX && at < len && found != WRITES; i++) {
		uint8_t sib;

		if (!hi_insn_measure(bytes + at, len - at, 0, &insn))
			break;
		sib = bytes[at + insn.sib_offset];
		if (insn.sib_offset &&
		    ((sib & 7) == (reg & 7) || (sib >> 3 & 7) == (reg & 7))) {
			enum indexing now =
				indexing_of(finder, bytes + at, len - at, reg);

			found = now > found ? now : found;
		}
		if (insn.flow == HI_FLOW_JUMP || insn.flow == HI_FLOW_END ||
		    (insn.flow == HI_FLOW_CALL && CALLER_SAVED >> reg & 1))
			break;
		at += insn.len;
	}
	return found;
}

/* The register that the lea whose field is at P writes. */
static uint8_t lea_register(const uint8_t *p)
{
	return (p[-1] >> 3 & 7) | (p[-3] & 4) << 1;
}

int hi_site_finder_ask_outside(struct hi_site_finder *finder,
			       const struct hi_region *region,
			       const struct hi_field *field,
			       const uint8_t *bytes, struct hi_site *site,
			       bool *ret_ask, struct hi_err *err)
{
	bool text = is_text(finder, site->target_link);
	enum indexing indexing;

	*ret_ask = false;
	site->constant = !text && is_constant(finder, site->target_link);
	/* a thread-local's address comes of a prefixed lea */
	if (!region->function || field->insn_len != 7)
		return 0;
	if (!text && !site->constant) {
		*ret_ask = !is_got_word(finder, site->target_link);
		return 0;
	}
	if (!finder->decoder && hi_decoder_new(&finder->decoder, err) < 0)
		return err->code;
	indexing = look_behind(finder, region, bytes, field->at + 4,
			       lea_register(bytes + field->at));
	*ret_ask = indexing == WRITES || (text && indexing == READS);
	return 0;
}
