/*
 * An abbreviation as steps: which bytes of an entry are skipped, and which belong to an
 * attribute that is looked at.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/die_parts.h"

#define CODES_MAX (1 << 20) /* compilers count abbreviations from 1 */
#define STEPS_MAX 1024
#define SKIP_MAX  4096 /* bytes of one length */

/* --- steps ----------------------------------------------------------------- */

/* 1 more, so that 0 is none. */
static const uint8_t attributes[] = {
	[DW_AT_abstract_origin] = HI_AT_ABSTRACT_ORIGIN + 1,
	[DW_AT_alignment] = HI_AT_ALIGNMENT + 1,
	[DW_AT_artificial] = HI_AT_ARTIFICIAL + 1,
	[DW_AT_bit_offset] = HI_AT_BIT_OFFSET + 1,
	[DW_AT_bit_size] = HI_AT_BIT_SIZE + 1,
	[DW_AT_byte_size] = HI_AT_BYTE_SIZE + 1,
	[DW_AT_calling_convention] = HI_AT_CALLING_CONVENTION + 1,
	[DW_AT_const_value] = HI_AT_CONST_VALUE + 1,
	[DW_AT_containing_type] = HI_AT_CONTAINING_TYPE + 1,
	[DW_AT_count] = HI_AT_COUNT + 1,
	[DW_AT_data_bit_offset] = HI_AT_DATA_BIT_OFFSET + 1,
	[DW_AT_data_member_location] = HI_AT_DATA_MEMBER_LOCATION + 1,
	[DW_AT_decl_column] = HI_AT_DECL_COLUMN + 1,
	[DW_AT_decl_line] = HI_AT_DECL_LINE + 1,
	[DW_AT_declaration] = HI_AT_DECLARATION + 1,
	[DW_AT_discr_value] = HI_AT_DISCR_VALUE + 1,
	[DW_AT_encoding] = HI_AT_ENCODING + 1,
	[DW_AT_external] = HI_AT_EXTERNAL + 1,
	[DW_AT_language] = HI_AT_LANGUAGE + 1,
	[DW_AT_linkage_name] = HI_AT_LINKAGE_NAME + 1,
	[DW_AT_location] = HI_AT_LOCATION + 1,
	[DW_AT_low_pc] = HI_AT_LOW_PC + 1,
	[DW_AT_name] = HI_AT_NAME + 1,
	[DW_AT_ranges] = HI_AT_RANGES + 1,
	[DW_AT_sibling] = HI_AT_SIBLING + 1,
	[DW_AT_signature] = HI_AT_SIGNATURE + 1,
	[DW_AT_specification] = HI_AT_SPECIFICATION + 1,
	[DW_AT_type] = HI_AT_TYPE + 1,
	[DW_AT_upper_bound] = HI_AT_UPPER_BOUND + 1,
	[DW_AT_virtuality] = HI_AT_VIRTUALITY + 1,
	[DW_AT_vtable_elem_location] = HI_AT_VTABLE_ELEM_LOCATION + 1,
};

static enum hi_attribute get_attribute(uint64_t name)
{
	if (name == DW_AT_MIPS_linkage_name)
		return HI_AT_MIPS_LINKAGE_NAME;
	if (name >= sizeof(attributes) || !attributes[name])
		return HI_AT_N;
	return attributes[name] - 1;
}

unsigned int hi_attribute_get_name(enum hi_attribute attribute)
{
	for (unsigned int i = 0; i < sizeof(attributes); i++)
		if (attributes[i] == attribute + 1)
			return i;
	return DW_AT_MIPS_linkage_name;
}

static struct hi_die_step make_fixed(size_t len)
{
	return (struct hi_die_step){ .kind = HI_STEP_FIXED,
				     .len = (uint16_t)len };
}

static struct hi_die_step make_step(enum hi_step_kind kind)
{
	return (struct hi_die_step){ .kind = kind };
}

static struct hi_die_step measure(const struct hi_die_unit *unit, uint64_t form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return make_fixed(0);
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return make_fixed(1);
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return make_fixed(2);
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return make_fixed(3);
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return make_fixed(4);
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return make_fixed(8);
	case DW_FORM_data16:
		return make_fixed(16);
	case DW_FORM_addr:
		return make_fixed(unit->address_len);
	case DW_FORM_ref_addr:
		return make_fixed(unit->version < 3 ? unit->address_len :
						      unit->offset_len);
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return make_fixed(unit->offset_len);
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return make_step(HI_STEP_LEB);
	case DW_FORM_string:
		return make_step(HI_STEP_STRING);
	case DW_FORM_block1:
		return make_step(HI_STEP_BLOCK1);
	case DW_FORM_block2:
		return make_step(HI_STEP_BLOCK2);
	case DW_FORM_block4:
		return make_step(HI_STEP_BLOCK4);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return make_step(HI_STEP_BLOCK);
	default:
		return make_step(HI_STEP_NOT_KNOWN);
	}
}

/* Bytes that nobody looks at are stepped over together. */
static bool join_step(struct hi_die_unit *unit,
		      const struct hi_die_abbrev *abbrev,
		      const struct hi_die_step *step)
{
	struct hi_die_step *last;

	if (step->kind != HI_STEP_FIXED || step->attribute != HI_AT_N)
		return false;
	if (!step->len)
		return true;
	if (!abbrev->n_steps)
		return false;
	last = &unit->steps[unit->n_steps - 1];
	if (last->kind != HI_STEP_FIXED || last->attribute != HI_AT_N)
		return false;
	last->len += step->len;
	return true;
}

static bool add_constant(struct hi_die_unit *unit, struct hi_die_step *step,
			 int64_t constant)
{
	if (unit->n_constants == UINT16_MAX ||
	    !hi_grow(&unit->constants, unit->n_constants, &unit->cap_constants,
		     sizeof(*unit->constants)))
		return false;
	step->constant = (uint16_t)unit->n_constants;
	unit->constants[unit->n_constants++] = constant;
	return true;
}

static bool add_step(struct hi_die_unit *unit, struct hi_die_abbrev *abbrev,
		     struct hi_die_step *step, int64_t constant)
{
	if (step->form == DW_FORM_implicit_const &&
	    step->attribute != HI_AT_N && !add_constant(unit, step, constant))
		return false;
	/* the common case without a call */
	if (unit->n_steps == unit->cap_steps &&
	    !hi_grow(&unit->steps, unit->n_steps, &unit->cap_steps,
		     sizeof(*step)))
		return false;
	unit->steps[unit->n_steps++] = *step;
	abbrev->n_steps++;
	if (step->attribute != HI_AT_N)
		abbrev->has |= 1U << step->attribute;
	return true;
}

/* What is of one length is stepped over at once. */
static void add_len(struct hi_die_abbrev *abbrev,
		    const struct hi_die_step *step)
{
	if (step->kind != HI_STEP_FIXED)
		abbrev->is_fixed = false;
	else if (step->attribute == HI_AT_SIBLING && step->form == DW_FORM_ref4)
		abbrev->sibling_at = abbrev->len + 1;
	abbrev->len += step->len;
}

bool hi_die_add_attribute(struct hi_die_unit *unit,
			  struct hi_die_abbrev *abbrev, uint64_t name,
			  uint64_t form, int64_t constant)
{
	struct hi_die_step step = measure(unit, form);

	step.attribute = get_attribute(name);
	step.form = (uint16_t)form;
	/* of two the first counts */
	if (step.attribute != HI_AT_N && abbrev->has >> step.attribute & 1)
		step.attribute = HI_AT_N;
	if (step.kind == HI_STEP_NOT_KNOWN || abbrev->n_steps == STEPS_MAX ||
	    abbrev->len > SKIP_MAX)
		return false;
	add_len(abbrev, &step);
	return join_step(unit, abbrev, &step) ||
	       add_step(unit, abbrev, &step, constant);
}

/* --- abbreviations --------------------------------------------------------- */

static bool make_room(struct hi_die_unit *unit, size_t code)
{
	size_t n = unit->n_abbrevs ? unit->n_abbrevs : 64;
	struct hi_die_abbrev *grown;

	if (code < unit->n_abbrevs)
		return true;
	while (n <= code)
		n *= 2;
	grown = realloc(unit->abbrevs, n * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + unit->n_abbrevs, 0,
	       (n - unit->n_abbrevs) * sizeof(*grown));
	unit->abbrevs = grown;
	unit->n_abbrevs = n;
	return true;
}

static bool is_part(uint64_t tag)
{
	switch (tag) {
	case DW_TAG_member:
	case DW_TAG_inheritance:
	case DW_TAG_subprogram:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
	case DW_TAG_formal_parameter:
	case DW_TAG_unspecified_parameters:
	case DW_TAG_GNU_formal_parameter_pack:
	case DW_TAG_enumerator:
	case DW_TAG_subrange_type:
	case DW_TAG_template_type_parameter:
	case DW_TAG_template_value_parameter:
	case DW_TAG_GNU_template_template_param:
	case DW_TAG_GNU_template_parameter_pack:
		return true;
	default:
		return false;
	}
}

struct hi_die_abbrev *hi_die_add_abbrev(struct hi_die_unit *unit, uint64_t code,
					uint64_t tag, bool has_children)
{
	struct hi_die_abbrev *abbrev;

	if (code >= CODES_MAX || tag > UINT16_MAX || !make_room(unit, code))
		return NULL;
	abbrev = &unit->abbrevs[code];
	*abbrev = (struct hi_die_abbrev){
		.first_step = (uint32_t)unit->n_steps,
		.tag = (uint16_t)tag,
		.has_children = has_children,
		.is_fixed = true,
		.is_part = is_part(tag),
	};
	return abbrev;
}
