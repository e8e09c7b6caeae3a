#include <dwarf.h>
#include <string.h>

#include "elfscan/units_parts.h"

#ifndef DW_AT_GNU_dwo_name
#define DW_AT_GNU_dwo_name 0x2130
#endif

/* The LEN bytes at AT may differ; BITS stay. */
static void hide(struct hi_unit_maker *maker, const uint8_t *at, size_t len,
		 uint8_t bits)
{
	if (!maker->peek && !maker->failed)
		memset(maker->digest->mask + hi_unit_offset(maker, at), bits,
		       len);
}

/* No comparison of types looks at these: where in the source, where in the text. */
static bool is_no_matter(unsigned int name)
{
	switch (name) {
	case DW_AT_decl_file:
	case DW_AT_decl_line:
	case DW_AT_decl_column:
	case DW_AT_call_file:
	case DW_AT_call_line:
	case DW_AT_call_column:
	case DW_AT_high_pc:
	case DW_AT_entry_pc:
		return true;
	default:
		return false;
	}
}

/* Expressions that compute what a debugger shows of a running function. */
static bool is_no_matter_block(unsigned int name)
{
	switch (name) {
	case DW_AT_frame_base:
	case DW_AT_return_addr:
	case DW_AT_static_link:
	case DW_AT_call_value:
	case DW_AT_call_data_value:
	case DW_AT_call_target:
	case DW_AT_call_target_clobbered:
	case DW_AT_call_data_location:
	case DW_AT_GNU_call_site_value:
	case DW_AT_GNU_call_site_data_value:
	case DW_AT_GNU_call_site_target:
	case DW_AT_GNU_call_site_target_clobbered:
		return true;
	default:
		return false;
	}
}

static bool is_tls_op(uint8_t op)
{
	return op == DW_OP_form_tls_address || op == DW_OP_GNU_push_tls_address;
}

static void read_location(struct hi_unit_maker *maker,
			  struct hi_unit_facts *facts, const uint8_t *data,
			  uint64_t len)
{
	bool tls = len && is_tls_op(data[len - 1]);

	facts->has_place = true;
	if (len == 9 && data[0] == DW_OP_addr) {
		facts->place_len = 8;
	} else if (len == 10 && data[0] == DW_OP_const8u && tls) {
		facts->place_len = 8;
	} else if (len == 6 && data[0] == DW_OP_const4u && tls) {
		facts->place_len = 4;
	} else if (tls ||
		   (len && (data[0] == DW_OP_addrx || data[0] == DW_OP_constx ||
			    data[0] == DW_OP_GNU_addr_index ||
			    data[0] == DW_OP_GNU_const_index))) {
		maker->failed = true; /* through .debug_addr */
		return;
	} else {
		/* no address of its own, and by length and ends none can
		   become one */
		if (len > 2 && len != 9 && len != 10 && len != 6)
			hide(maker, data + 1, len - 2, 0);
		return;
	}
	facts->tls = tls;
	facts->place = hi_unit_offset(maker, data + 1);
	hide(maker, data + 1, facts->place_len, 0);
}

static void read_block(struct hi_unit_maker *maker, struct hi_unit_facts *facts,
		       unsigned int name, uint64_t len)
{
	const uint8_t *data = hi_unit_take(maker, len);

	if (!data)
		return;
	if (name == DW_AT_location)
		read_location(maker, facts, data, len);
	else if (is_no_matter_block(name))
		hide(maker, data, len, 0);
}

static void set_string(struct hi_unit_facts *facts, unsigned int name,
		       const char *text)
{
	if (name == DW_AT_name)
		facts->name = text;
	else if (name == DW_AT_linkage_name)
		facts->linkage = text;
}

static void read_string_offset(struct hi_unit_maker *maker,
			       struct hi_unit_facts *facts, unsigned int name,
			       bool line)
{
	struct hi_unit_digest *digest = maker->digest;
	const struct hi_bytes *section = line ? &digest->sections.line_str :
						&digest->sections.str;
	const uint8_t *at = hi_unit_take(maker, 4);
	uint32_t offset;

	if (!at)
		return;
	memcpy(&offset, at, 4);
	if (offset >= section->len) {
		maker->failed = true;
		return;
	}
	set_string(facts, name, (const char *)section->at + offset);
	hide(maker, at, 4, 0);
	if (maker->peek)
		return;
	if (!hi_grow(&digest->strings, digest->n_strings, &digest->cap_strings,
		     sizeof(*digest->strings))) {
		maker->failed = true;
		return;
	}
	digest->strings[digest->n_strings++] = (struct hi_unit_string){
		.at = hi_unit_offset(maker, at),
		.line = line,
	};
}

static void set_reference(struct hi_unit_maker *maker,
			  struct hi_unit_facts *facts, unsigned int name,
			  uint64_t target)
{
	if (target >= maker->digest->unit.len)
		maker->failed = true;
	else if (name == DW_AT_abstract_origin)
		facts->origin = (uint32_t)target;
	else if (name == DW_AT_specification)
		facts->specification = (uint32_t)target;
}

static void read_fixed(struct hi_unit_maker *maker, struct hi_unit_facts *facts,
		       unsigned int name, unsigned int form, size_t len)
{
	const uint8_t *at = maker->at;
	uint64_t value = hi_unit_take_word(maker, len);

	if (form == DW_FORM_flag && name == DW_AT_declaration)
		facts->is_declaration = true;
	else if (form == DW_FORM_flag && name == DW_AT_external)
		facts->is_external = true;
	else if (form == DW_FORM_ref1 || form == DW_FORM_ref2 ||
		 form == DW_FORM_ref4 || form == DW_FORM_ref8)
		set_reference(maker, facts, name, value);
	else if (name == DW_AT_language)
		maker->skipped |= value == DW_LANG_Mips_Assembler;
	else if (is_no_matter(name))
		hide(maker, at, len, 0);
}

static void read_leb(struct hi_unit_maker *maker, struct hi_unit_facts *facts,
		     unsigned int name, unsigned int form)
{
	const uint8_t *at = maker->at;
	uint64_t value = hi_unit_take_leb(maker);

	if (form == DW_FORM_ref_udata)
		set_reference(maker, facts, name, value);
	else if (name == DW_AT_language)
		maker->skipped |= value == DW_LANG_Mips_Assembler;
	else if (is_no_matter(name))
		hide(maker, at, maker->at - at, 0x80);
}

static void read_inline_string(struct hi_unit_maker *maker,
			       struct hi_unit_facts *facts, unsigned int name)
{
	const uint8_t *at = maker->at;
	const uint8_t *nul = memchr(at, 0, maker->end - at);

	if (!nul)
		maker->failed = true;
	else if (hi_unit_take(maker, nul + 1 - at))
		set_string(facts, name, (const char *)at);
}

/* What an entry has without any bytes of its own. */
static void read_implied(struct hi_unit_maker *maker,
			 struct hi_unit_facts *facts,
			 const struct hi_unit_attribute *attribute)
{
	switch (attribute->name) {
	case DW_AT_declaration:
		facts->is_declaration = true;
		break;
	case DW_AT_external:
		facts->is_external = true;
		break;
	case DW_AT_language:
		maker->skipped |= attribute->value == DW_LANG_Mips_Assembler;
		break;
	}
}

/* Bytes of a number, flag or reference; 0: it is none, or of any length. */
static size_t get_fixed_len(unsigned int form)
{
	switch (form) {
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
		return 2;
	case DW_FORM_data4:
	case DW_FORM_ref4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
		return 8;
	default:
		return 0;
	}
}

/* How many bytes a block has, which stands before them. */
static uint64_t take_block_len(struct hi_unit_maker *maker, unsigned int form)
{
	switch (form) {
	case DW_FORM_block1:
		return hi_unit_take_word(maker, 1);
	case DW_FORM_block2:
		return hi_unit_take_word(maker, 2);
	case DW_FORM_block4:
		return hi_unit_take_word(maker, 4);
	default:
		return hi_unit_take_leb(maker);
	}
}

static void read_address(struct hi_unit_maker *maker,
			 struct hi_unit_facts *facts, unsigned int name)
{
	const uint8_t *at = hi_unit_take(maker, 8);

	if (!at)
		return;
	if (name == DW_AT_low_pc) {
		facts->place = hi_unit_offset(maker, at);
		facts->place_len = 8;
	}
	hide(maker, at, 8, 0);
}

static void read_other(struct hi_unit_maker *maker, struct hi_unit_facts *facts,
		       const struct hi_unit_attribute *attribute)
{
	unsigned int name = attribute->name, form = attribute->form;
	const uint8_t *at = maker->at;

	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		read_implied(maker, facts, attribute);
		break;
	case DW_FORM_data16:
		hi_unit_take(maker, 16);
		break;
	case DW_FORM_addr:
		read_address(maker, facts, name);
		break;
	case DW_FORM_sec_offset:
		if (hi_unit_take(maker, 4))
			hide(maker, at, 4, 0);
		break;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
		read_string_offset(maker, facts, name,
				   form == DW_FORM_line_strp);
		break;
	case DW_FORM_string:
		read_inline_string(maker, facts, name);
		break;
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
		read_leb(maker, facts, name, form);
		break;
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_block:
	case DW_FORM_exprloc:
		read_block(maker, facts, name, take_block_len(maker, form));
		break;
	default: /* it leaves the unit, or is not known */
		maker->failed = true;
	}
}

static void read_value(struct hi_unit_maker *maker, struct hi_unit_facts *facts,
		       const struct hi_unit_attribute *attribute)
{
	size_t len = get_fixed_len(attribute->form);

	if (len)
		read_fixed(maker, facts, attribute->name, attribute->form, len);
	else
		read_other(maker, facts, attribute);
}

/* One entry; false for the end of a list. */
bool hi_unit_read_entry(struct hi_unit_maker *maker,
			struct hi_unit_facts *facts)
{
	uint64_t code = hi_unit_take_leb(maker);
	const struct hi_unit_abbrev *abbrev;

	*facts = (struct hi_unit_facts){ 0 };
	if (!code)
		return false;
	if (code >= maker->n_abbrevs || !maker->abbrevs[code].known) {
		maker->failed = true;
		return false;
	}
	abbrev = &maker->abbrevs[code];
	facts->tag = abbrev->tag;
	facts->has_children = abbrev->has_children;
	for (uint32_t i = 0; i < abbrev->n && !maker->failed; i++) {
		const struct hi_unit_attribute *attribute =
			&maker->attributes[abbrev->first + i];

		if (attribute->name == DW_AT_low_pc ||
		    attribute->name == DW_AT_ranges ||
		    attribute->name == DW_AT_location)
			facts->has_place = true;
		if (attribute->name == DW_AT_ranges)
			facts->is_ranged = true;
		if (attribute->name == DW_AT_MIPS_linkage_name ||
		    attribute->name == DW_AT_dwo_name ||
		    attribute->name == DW_AT_GNU_dwo_name)
			maker->failed = true;
		read_value(maker, facts, attribute);
	}
	return !maker->failed;
}
