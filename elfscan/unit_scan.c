#include "elfscan/unit_scan.h"

#include <dwarf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CODES_MAX (1 << 20) /* compilers count abbreviations from 1 */
#define DEPTH_MAX 512
#define NOT_KNOWN 0xff

/* How to step over a value; the first stands for itself and what follows. */
enum step_kind {
	STEP_FIXED,
	STEP_LEB,
	STEP_STRING,
	STEP_BLOCK1,
	STEP_BLOCK2,
	STEP_BLOCK4,
	STEP_BLOCK, /* LEB128 length */
	STEP_SIBLING4,
};

struct step {
	uint8_t kind;
	uint16_t len;
};

struct abbrev {
	struct hi_shape shape;
	uint32_t first_step;
	uint32_t n_steps;
	bool known;
};

struct scan {
	Dwarf_CU *unit;
	const uint8_t *start; /* of the unit's header: references count there */
	const uint8_t *at;
	const uint8_t *end;
	uint8_t address_len;
	uint8_t offset_len;
	Dwarf_Half version;
	struct abbrev *abbrevs; /* by code */
	size_t n_abbrevs;
	struct step *steps;
	size_t n_steps;
};

/* --- abbreviations ------------------------------------------------------- */

static struct step get_step(const struct scan *scan, unsigned int form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return (struct step){ STEP_FIXED, 0 };
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return (struct step){ STEP_FIXED, 1 };
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return (struct step){ STEP_FIXED, 2 };
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return (struct step){ STEP_FIXED, 3 };
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return (struct step){ STEP_FIXED, 4 };
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return (struct step){ STEP_FIXED, 8 };
	case DW_FORM_data16:
		return (struct step){ STEP_FIXED, 16 };
	case DW_FORM_addr:
		return (struct step){ STEP_FIXED, scan->address_len };
	case DW_FORM_ref_addr:
		return (struct step){ STEP_FIXED, scan->version < 3 ?
							  scan->address_len :
							  scan->offset_len };
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return (struct step){ STEP_FIXED, scan->offset_len };
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return (struct step){ STEP_LEB, 0 };
	case DW_FORM_string:
		return (struct step){ STEP_STRING, 0 };
	case DW_FORM_block1:
		return (struct step){ STEP_BLOCK1, 0 };
	case DW_FORM_block2:
		return (struct step){ STEP_BLOCK2, 0 };
	case DW_FORM_block4:
		return (struct step){ STEP_BLOCK4, 0 };
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return (struct step){ STEP_BLOCK, 0 };
	default:
		return (struct step){ NOT_KNOWN, 0 };
	}
}

static bool add_step(struct scan *scan, struct abbrev *abbrev, struct step step)
{
	struct step *last;

	if (step.kind == NOT_KNOWN)
		return false;
	if (abbrev->n_steps && step.kind == STEP_FIXED) {
		last = &scan->steps[scan->n_steps - 1];
		if (last->kind == STEP_FIXED && last->len < 1024) {
			last->len += step.len;
			return true;
		}
	}
	/* the room doubles at each power of two */
	if (!(scan->n_steps & (scan->n_steps - 1))) {
		size_t cap = scan->n_steps ? 2 * scan->n_steps : 1;
		void *grown = realloc(scan->steps, cap * sizeof(*scan->steps));

		if (!grown)
			return false;
		scan->steps = grown;
	}
	scan->steps[scan->n_steps++] = step;
	abbrev->n_steps++;
	return true;
}

static bool add_attribute(struct scan *scan, struct abbrev *abbrev,
			  unsigned int name, unsigned int form)
{
	switch (name) {
	case DW_AT_low_pc:
	case DW_AT_ranges:
	case DW_AT_location:
		abbrev->shape.has_place = true;
		break;
	case DW_AT_declaration:
		abbrev->shape.is_declaration = true;
		break;
	case DW_AT_sibling:
		if (form == DW_FORM_ref4)
			return add_step(scan, abbrev,
					(struct step){ STEP_SIBLING4, 4 });
		break;
	}
	return add_step(scan, abbrev, get_step(scan, form));
}

static bool make_room(struct scan *scan, size_t code)
{
	size_t n = scan->n_abbrevs ? scan->n_abbrevs : 128;
	struct abbrev *grown;

	if (code >= CODES_MAX)
		return false;
	if (code < scan->n_abbrevs)
		return true;
	while (n <= code)
		n *= 2;
	grown = realloc(scan->abbrevs, n * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + scan->n_abbrevs, 0,
	       (n - scan->n_abbrevs) * sizeof(*grown));
	scan->abbrevs = grown;
	scan->n_abbrevs = n;
	return true;
}

static void add_abbrev(struct scan *scan, Dwarf_Abbrev *source)
{
	size_t code = dwarf_getabbrevcode(source);
	unsigned int name, form;
	struct abbrev *abbrev;
	Dwarf_Sword no_matter;

	if (!make_room(scan, code))
		return;
	abbrev = &scan->abbrevs[code];
	*abbrev = (struct abbrev){ .first_step = scan->n_steps };
	abbrev->shape.tag = (int)dwarf_getabbrevtag(source);
	abbrev->shape.has_children = dwarf_abbrevhaschildren(source);
	/* dwarf_getattrcnt() of elfutils 0.188 miscounts implicit constants */
	for (size_t i = 0; !dwarf_getabbrevattr_data(source, i, &name, &form,
						     &no_matter, NULL);
	     i++) {
		if (!add_attribute(scan, abbrev, name, form))
			return;
	}
	abbrev->known = true;
}

static bool read_abbrevs(struct scan *scan, Dwarf_Die *unit)
{
	Dwarf_Off at = 0;
	size_t len;

	for (;;) {
		Dwarf_Abbrev *abbrev = dwarf_getabbrev(unit, at, &len);

		if (abbrev == DWARF_END_ABBREV)
			return true;
		if (!abbrev)
			return false;
		/* of one that cannot be read no entry is stepped over */
		add_abbrev(scan, abbrev);
		at += len;
	}
}

/* --- entries ------------------------------------------------------------- */

static bool get_leb(struct scan *scan, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (int shift = 0; scan->at < scan->end; shift += 7) {
		uint8_t byte = *scan->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool advance(struct scan *scan, uint64_t len)
{
	if (len > (uint64_t)(scan->end - scan->at))
		return false;
	scan->at += len;
	return true;
}

/* A block with a length of WIDTH bytes before it. */
static bool step_over_block(struct scan *scan, size_t width)
{
	uint32_t len = 0;

	if ((size_t)(scan->end - scan->at) < width)
		return false;
	memcpy(&len, scan->at, width);
	return advance(scan, width + (uint64_t)len);
}

static bool take_step(struct scan *scan, struct step step,
		      uint32_t *ret_sibling)
{
	const uint8_t *nul;
	uint64_t value;

	switch (step.kind) {
	case STEP_FIXED:
		return advance(scan, step.len);
	case STEP_SIBLING4:
		if (scan->end - scan->at < 4)
			return false;
		memcpy(ret_sibling, scan->at, 4);
		return advance(scan, 4);
	case STEP_LEB:
		return get_leb(scan, &value);
	case STEP_STRING:
		nul = memchr(scan->at, 0, scan->end - scan->at);
		return nul && advance(scan, nul + 1 - scan->at);
	case STEP_BLOCK1:
		return step_over_block(scan, 1);
	case STEP_BLOCK2:
		return step_over_block(scan, 2);
	case STEP_BLOCK4:
		return step_over_block(scan, 4);
	default:
		return get_leb(scan, &value) && advance(scan, value);
	}
}

/* Step over one entry; *ret_abbrev is NULL for the end of a list. */
static bool step_over_entry(struct scan *scan, const struct abbrev **ret_abbrev,
			    uint32_t *ret_sibling)
{
	const struct abbrev *abbrev;
	uint64_t code;

	*ret_abbrev = NULL;
	*ret_sibling = 0;
	if (!get_leb(scan, &code))
		return false;
	if (!code)
		return true;
	if (code >= scan->n_abbrevs || !scan->abbrevs[code].known)
		return false;
	abbrev = &scan->abbrevs[code];
	for (uint32_t i = 0; i < abbrev->n_steps; i++) {
		if (!take_step(scan, scan->steps[abbrev->first_step + i],
			       ret_sibling))
			return false;
	}
	*ret_abbrev = abbrev;
	return true;
}

/* Go on after the children of an entry; false without a usable reference. */
static bool jump_to(struct scan *scan, uint32_t sibling)
{
	if (!sibling || sibling >= (uint64_t)(scan->end - scan->start) ||
	    scan->start + sibling < scan->at)
		return false;
	scan->at = scan->start + sibling;
	return true;
}

static bool scan_entries(struct scan *scan, hi_unit_visit visit, void *context)
{
	const struct abbrev *abbrev;
	uint32_t sibling;
	/* depth 1 is the unit's own children; below "wanted" none is looked at */
	int depth = 1, wanted = 1;

	if (!step_over_entry(scan, &abbrev, &sibling) || !abbrev)
		return false;
	if (!abbrev->shape.has_children)
		return true;
	while (depth) {
		Dwarf_Die die = { .addr = (void *)scan->at, .cu = scan->unit };
		bool enter = false;

		if (scan->at == scan->end)
			return true; /* the last end marks are optional */
		if (!step_over_entry(scan, &abbrev, &sibling))
			return false;
		if (!abbrev) {
			depth--;
			if (wanted > depth)
				wanted = depth;
			continue;
		}
		if (depth == wanted) {
			struct hi_shape shape = abbrev->shape;

			shape.depth = depth;
			enter = visit(context, &shape, &die);
		}
		if (!abbrev->shape.has_children)
			continue;
		if (!enter && jump_to(scan, sibling))
			continue;
		if (++depth > DEPTH_MAX)
			return false;
		if (enter)
			wanted = depth;
	}
	return true;
}

/* DWARF 4 has type units in a section of their own, which is asked for by wanting
   their signatures. */
static bool is_apart(Dwarf_CU *unit)
{
	Dwarf_Half version;
	uint8_t type;

	return !dwarf_cu_info(unit, &version, &type, NULL, NULL, NULL, NULL,
			      NULL) &&
	       version == 4 && (type == DW_UT_type || type == DW_UT_split_type);
}

bool hi_unit_scan(Dwarf_Die *unit, hi_unit_visit visit, void *context)
{
	struct scan scan = { .unit = unit->cu };
	Dwarf_Off place = dwarf_dieoffset(unit);
	Dwarf_Off start = place - dwarf_cuoffset(unit), next;
	uint64_t signature;
	bool done;

	if (dwarf_next_unit(dwarf_cu_getdwarf(unit->cu), start, &next, NULL,
			    &scan.version, NULL, &scan.address_len,
			    &scan.offset_len,
			    is_apart(unit->cu) ? &signature : NULL, NULL) ||
	    next <= place)
		return false;
	scan.at = unit->addr;
	scan.start = scan.at - (place - start);
	scan.end = scan.at + (next - place);
	done = read_abbrevs(&scan, unit) && scan_entries(&scan, visit, context);
	free(scan.abbrevs);
	free(scan.steps);
	return done;
}
