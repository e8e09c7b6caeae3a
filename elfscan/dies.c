#include "elfscan/dies.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/dies_parts.h"

/* Bytes of debug information. */
#define STRETCH (1 << 20)

/* --- what is wanted ------------------------------------------------------ */

int hi_dies_want(struct hi_dies *dies, const struct hi_symbol *symbol,
		 struct hi_err *err)
{
	if (dies->units)
		return 0;
	if (dies->n_wanted == dies->cap_wanted) {
		size_t cap = dies->cap_wanted ? 2 * dies->cap_wanted : 64;
		void *grown =
			realloc(dies->wanted, cap * sizeof(*dies->wanted));

		if (!grown)
			return hi_fail(err, HI_E_NOMEM,
				       "out of memory for debug information");
		dies->wanted = grown;
		dies->cap_wanted = cap;
	}
	if (!hi_is_function(symbol)) {
		dies->has_variables = true;
		if (!symbol->exported)
			dies->deep = true;
	}
	/* what C++ exports may be a variable of an inline function, or a lambda */
	if (!strncmp(symbol->name, "_ZZ", 3))
		dies->deep = true;
	dies->wanted[dies->n_wanted++] = (struct hi_wanted){ .symbol = symbol };
	return 0;
}

/* Thread-locals first: their offsets are no addresses. */
static int compare_places(bool tls_a, uint64_t a, bool tls_b, uint64_t b)
{
	if (tls_a != tls_b)
		return tls_a ? -1 : 1;
	return (a > b) - (a < b);
}

static bool is_tls(const struct hi_wanted *wanted)
{
	return wanted->symbol->type == HI_SYM_TLS;
}

static int compare_wanted(const void *left, const void *right)
{
	const struct hi_wanted *a = left, *b = right;

	return compare_places(is_tls(a), a->symbol->addr_link, is_tls(b),
			      b->symbol->addr_link);
}

/* Symbol tables come sorted. */
static void sort_wanted(struct hi_dies *dies)
{
	for (size_t i = 1; i < dies->n_wanted; i++) {
		if (compare_wanted(&dies->wanted[i - 1], &dies->wanted[i]) <= 0)
			continue;
		qsort(dies->wanted, dies->n_wanted, sizeof(*dies->wanted),
		      compare_wanted);
		return;
	}
}

/* The first that is wanted at the place; n_wanted or another when none is. */
static size_t find_first(const struct hi_dies *dies, bool tls, uint64_t addr)
{
	size_t low = 0, high = dies->n_wanted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct hi_wanted *wanted = &dies->wanted[middle];

		if (compare_places(is_tls(wanted), wanted->symbol->addr_link,
				   tls, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct hi_dies *dies, size_t at, bool tls,
		  uint64_t addr)
{
	return at < dies->n_wanted && is_tls(&dies->wanted[at]) == tls &&
	       dies->wanted[at].symbol->addr_link == addr;
}

/* --- the walk ------------------------------------------------------------ */

static const char *get_linkage(struct hi_dies *dies, const struct hi_die *entry)
{
	const char *linkage =
		hi_die_find_text(&dies->entries, entry, HI_AT_LINKAGE_NAME);

	return linkage ? linkage :
			 hi_die_find_text(&dies->entries, entry,
					  HI_AT_MIPS_LINKAGE_NAME);
}

static void take(struct hi_dies *dies, const struct hi_die *entry,
		 bool function, bool tls, uint64_t addr)
{
	const char *linkage = NULL, *name = NULL;
	bool is_named = false;

	for (size_t i = find_first(dies, tls, addr); is_at(dies, i, tls, addr);
	     i++) {
		struct hi_wanted *wanted = &dies->wanted[i];
		uint8_t fit;

		if (hi_is_function(wanted->symbol) != function)
			continue;
		if (!is_named) {
			linkage = get_linkage(dies, entry);
			name = hi_die_find_text(&dies->entries, entry,
						HI_AT_NAME);
			is_named = true;
		}
		fit = hi_dies_get_fit(linkage, name, wanted->symbol);
		/* a variable that the linker threw away is left at offset 0,
		   where another one lives */
		if (fit <= wanted->fit || (tls && fit < 2))
			continue;
		wanted->fit = fit;
		wanted->place = hi_die_get_place(&entry->die);
	}
}

static void take_function(struct hi_dies *dies, struct hi_die *entry)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	if (hi_die_get_address(entry, HI_AT_LOW_PC, &start)) {
		take(dies, entry, true, false, start);
		return;
	}
	if (!hi_die_has(entry, HI_AT_RANGES))
		return;
	/* the entry of a function in several parts starts one of them */
	while ((at = dwarf_ranges(&entry->die, at, &base, &start, &end)) > 0)
		take(dies, entry, true, false, start);
}

static uint64_t get_word(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, bytes, len);
	return word;
}

static bool get_tls_offset(const Dwarf_Block *block, uint64_t *ret_addr)
{
	size_t len = block->length;
	uint8_t last = block->data[len - 1];

	if (last != DW_OP_form_tls_address &&
	    last != DW_OP_GNU_push_tls_address)
		return false;
	if (block->data[0] == DW_OP_const8u && len == 10)
		*ret_addr = get_word(block->data + 1, 8);
	else if (block->data[0] == DW_OP_const4u && len == 6)
		*ret_addr = get_word(block->data + 1, 4);
	else
		return false;
	return true;
}

/* gcc puts the address of a thread-local's first value into .debug_addr, clang the
   offset. */
static uint64_t get_offset(const struct hi_dies *dies, uint64_t addr)
{
	bool is_address = addr >= dies->tls_link && addr >= dies->tls_len &&
			  addr - dies->tls_link < dies->tls_len;

	return is_address ? addr - dies->tls_link : addr;
}

/* An address that stands in .debug_addr. */
static bool get_indexed(const struct hi_dies *dies, Dwarf_Attribute *attr,
			bool *ret_tls, uint64_t *ret_addr)
{
	Dwarf_Attribute value;
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_getlocation(attr, &ops, &n) || !n || n > 2 ||
	    dwarf_getlocation_attr(attr, &ops[0], &value))
		return false;
	if (n == 1 && (ops[0].atom == DW_OP_addrx ||
		       ops[0].atom == DW_OP_GNU_addr_index)) {
		*ret_tls = false;
		return dwarf_formaddr(&value, ret_addr) == 0;
	}
	if (n == 2 && (ops[1].atom == DW_OP_form_tls_address ||
		       ops[1].atom == DW_OP_GNU_push_tls_address)) {
		*ret_tls = true;
		if (dwarf_formudata(&value, ret_addr) &&
		    dwarf_formaddr(&value, ret_addr))
			return false;
		*ret_addr = get_offset(dies, *ret_addr);
		return true;
	}
	return false;
}

static void take_variable(struct hi_dies *dies, const struct hi_die *entry)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;
	uint64_t addr;
	bool tls = false;

	if (!hi_die_get(entry, HI_AT_LOCATION, &attr) ||
	    dwarf_formblock(&attr, &block) || !block.length)
		return;
	if (block.data[0] == DW_OP_addr && block.length == 9)
		addr = get_word(block.data + 1, 8);
	else if (get_tls_offset(&block, &addr))
		tls = true;
	else if (!get_indexed(dies, &attr, &tls, &addr))
		return;
	take(dies, entry, false, tls, addr);
}

static void visit_function(struct hi_dies *dies, const struct hi_shape *shape,
			   const Dwarf_Die *die)
{
	struct hi_die entry;

	if (shape->has_place && hi_die_read(&dies->entries, die, &entry))
		take_function(dies, &entry);
	if (!shape->has_place && !shape->is_declaration && shape->is_linked &&
	    !dies->inside)
		hi_dies_note_nowhere(dies, die);
	if (dies->deep && !dies->inside)
		dies->inside = shape->depth;
}

/* What has a value that the compiler knows may be without a place. */
static void visit_variable(struct hi_dies *dies, const struct hi_shape *shape,
			   const Dwarf_Die *die)
{
	struct hi_die entry;

	if (!dies->has_variables)
		return;
	if (shape->has_place && hi_die_read(&dies->entries, die, &entry))
		take_variable(dies, &entry);
	if (!shape->has_place && !shape->is_declaration && shape->is_linked &&
	    !dies->inside)
		hi_dies_note_nowhere(dies, die);
}

static void visit_type(struct hi_dies *dies, const struct hi_shape *shape,
		       const Dwarf_Die *die)
{
	if (dies->note_type && dies->is_c && shape->depth == 1 &&
	    !shape->is_declaration)
		dies->note_type(dies->note_context, die);
}

static bool visit(void *context, const struct hi_shape *shape, Dwarf_Die *die)
{
	struct hi_dies *dies = context;

	if (shape->depth <= dies->inside)
		dies->inside = 0;
	switch (shape->tag) {
	case DW_TAG_subprogram:
		visit_function(dies, shape, die);
		return dies->deep;
	case DW_TAG_variable:
		visit_variable(dies, shape, die);
		return false;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		visit_type(dies, shape, die);
		return dies->inside;
	case DW_TAG_lexical_block:
		return dies->deep;
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	default:
		return false;
	}
}

void hi_dies_rest(const struct hi_dies *dies)
{
	if (dies->walked_from)
		hi_image_rest_part(dies->image, dies->walked_from,
				   dies->walked_end);
}

/* What was walked over is not needed as a whole again: not much of it stays. RESTED is
   up to where that was done. */
static void walk_on(struct hi_dies *dies, const struct hi_die_unit *unit,
		    const uint8_t **rested)
{
	if (!dies->walked_from)
		dies->walked_from = *rested = unit->start;
	/* of several files that of the last one counts */
	if (unit->start < dies->walked_end)
		dies->walked_from = *rested = unit->start;
	dies->walked_end = unit->end;
	if ((size_t)(unit->end - *rested) < STRETCH)
		return;
	hi_image_rest_part(dies->image, *rested, unit->end);
	*rested = unit->end;
}

void hi_dies_for_each_unit(struct hi_dies *dies, hi_unit_visit *visit)
{
	const uint8_t *rested = NULL;
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, split;
	uint8_t type;

	while (!dwarf_get_units(dies->dwarf, unit, &unit, NULL, &type, &top,
				&split)) {
		Dwarf_Die *die = type == DW_UT_skeleton ? &split : &top;
		const struct hi_die_unit *opened;

		if (type == DW_UT_type || type == DW_UT_split_type ||
		    !die->addr || !die->cu)
			continue;
		opened = hi_die_find_unit(&dies->entries, die->cu);
		if (!opened || opened->language == DW_LANG_Mips_Assembler)
			continue;
		dies->is_c = hi_die_unit_is_c(opened);
		hi_unit_scan(&dies->entries, die, visit, dies);
		walk_on(dies, opened, &rested);
	}
	for (size_t i = 0; i < dies->n_imports; i++) {
		Dwarf_Die import = dies->imports[i];

		dies->is_c = false;
		hi_unit_scan(&dies->entries, &import, visit, dies);
	}
}

void hi_dies_find(struct hi_dies *dies)
{
	if (!dies->n_wanted || !dies->dwarf)
		return;
	sort_wanted(dies);
	hi_dies_find_imports(dies);
	hi_dies_for_each_unit(dies, visit);
	dies->has_noted = dies->note_type;
	hi_dies_find_missing(dies);
	hi_dies_find_called(dies);
}

bool hi_dies_get_type(Dwarf_Die *die, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attr;

	return hi_die_follow(dwarf_attr_integrate(die, DW_AT_type, &attr),
			     ret_type);
}

bool hi_dies_get(const struct hi_dies *dies, const struct hi_symbol *symbol,
		 Dwarf_Die *ret_die)
{
	bool tls = symbol->type == HI_SYM_TLS;

	if (dies->units)
		return hi_units_find(dies->units, symbol, ret_die);
	for (size_t i = find_first(dies, tls, symbol->addr_link);
	     is_at(dies, i, tls, symbol->addr_link); i++) {
		if (dies->wanted[i].symbol != symbol || !dies->wanted[i].fit)
			continue;
		*ret_die = hi_die_at(&dies->wanted[i].place);
		return true;
	}
	return false;
}
