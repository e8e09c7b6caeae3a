/*
 * Where abbreviations are, and the tables that they stand in.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/die_parts.h"

/* --- a table that lies here -------------------------------------------------- */

struct table {
	const uint8_t *at, *end;
};

static uint64_t take_leb(struct table *table)
{
	uint64_t value = 0;

	if (!hi_die_take_leb(&table->at, table->end, &value))
		table->at = table->end;
	return value;
}

static int64_t take_signed(struct table *table)
{
	int64_t value = 0;

	if (!hi_die_take_signed(&table->at, table->end, &value))
		table->at = table->end;
	return value;
}

/* One abbreviation; false at the end of the table. One that is not understood is not
   known, so that no entry is stepped over by it. */
static bool take_abbrev(struct hi_die_unit *unit, struct table *table)
{
	uint64_t code = take_leb(table), tag = take_leb(table);
	struct hi_die_abbrev *abbrev;
	bool is_known;

	if (!code || table->at == table->end)
		return false;
	abbrev = hi_die_add_abbrev(unit, code, tag, *table->at++);
	is_known = abbrev;
	while (table->at < table->end) {
		uint64_t name = take_leb(table), form = take_leb(table);
		int64_t constant =
			form == DW_FORM_implicit_const ? take_signed(table) : 0;

		if (!name && !form)
			break;
		is_known = is_known && hi_die_add_attribute(unit, abbrev, name,
							    form, constant);
	}
	if (is_known)
		abbrev->is_known = true;
	return true;
}

/* --- a table that libdw has found: of split units ----------------------------- */

static void copy_abbrev(struct hi_die_unit *unit, Dwarf_Abbrev *source)
{
	struct hi_die_abbrev *abbrev = hi_die_add_abbrev(
		unit, dwarf_getabbrevcode(source), dwarf_getabbrevtag(source),
		dwarf_abbrevhaschildren(source));
	unsigned int name, form;
	Dwarf_Sword constant;

	if (!abbrev)
		return;
	/* dwarf_getattrcnt() of elfutils 0.188 miscounts implicit constants */
	for (size_t i = 0; !dwarf_getabbrevattr_data(source, i, &name, &form,
						     &constant, NULL);
	     i++)
		if (!hi_die_add_attribute(unit, abbrev, name, form, constant))
			return;
	abbrev->is_known = true;
}

static bool copy_abbrevs(struct hi_die_unit *unit, Dwarf_Die *top)
{
	Dwarf_Off at = 0;
	size_t len;

	for (;;) {
		Dwarf_Abbrev *abbrev = dwarf_getabbrev(top, at, &len);

		if (abbrev == DWARF_END_ABBREV)
			return true;
		if (!abbrev)
			return false;
		copy_abbrev(unit, abbrev);
		at += len;
	}
}

/* --- where they are -------------------------------------------------------- */

static bool is_section(const char *name, const char *of)
{
	/* ".zdebug_..." was packed */
	return !strcmp(name, of) ||
	       (!strncmp(name, ".z", 2) && !strcmp(name + 2, of + 1));
}

/* What libdw has unpacked; empty when it has not. */
static struct hi_die_section get_section(Elf_Scn *section,
					 const GElf_Shdr *shdr)
{
	Elf_Data *data = NULL;

	if (shdr->sh_type != SHT_NOBITS && !(shdr->sh_flags & SHF_COMPRESSED))
		data = elf_rawdata(section, NULL);
	return data ? (struct hi_die_section){ data->d_buf, data->d_size } :
		      (struct hi_die_section){ NULL, 0 };
}

static void find_sections(struct hi_die_units *units, Dwarf *dwarf)
{
	static const char *const entries[HI_ENTRY_SECTIONS] = {
		".debug_info", ".debug_types", ".debug_info.dwo",
		".debug_types.dwo"
	};
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *section = NULL;
	size_t strings;

	units->dwarf = dwarf;
	units->abbrevs = units->texts = (struct hi_die_section){ NULL, 0 };
	memset(units->entries, 0, sizeof(units->entries));
	if (elf_getshdrstrndx(elf, &strings))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name = NULL;

		if (gelf_getshdr(section, &shdr))
			name = elf_strptr(elf, strings, shdr.sh_name);
		if (name && is_section(name, ".debug_abbrev"))
			units->abbrevs = get_section(section, &shdr);
		if (name && is_section(name, ".debug_str"))
			units->texts = get_section(section, &shdr);
		for (size_t i = 0; name && i < HI_ENTRY_SECTIONS; i++)
			if (is_section(name, entries[i]))
				units->entries[i] = get_section(section, &shdr);
	}
	/* so that each text has an end */
	while (units->texts.len && units->texts.at[units->texts.len - 1])
		units->texts.len--;
}

bool hi_die_is_inside(struct hi_die_units *units,
		      const struct hi_die_unit *unit)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);
	size_t len = (size_t)(unit->end - unit->first);

	if (units->dwarf != dwarf)
		find_sections(units, dwarf);
	for (size_t i = 0; i < HI_ENTRY_SECTIONS; i++) {
		const struct hi_die_section *section = &units->entries[i];

		if (section->at && unit->first >= section->at &&
		    unit->first < section->at + section->len)
			return len <= (size_t)(section->at + section->len -
					       unit->first);
	}
	return false;
}

static bool is_split(Dwarf_CU *cu)
{
	uint8_t type;

	return dwarf_cu_info(cu, NULL, &type, NULL, NULL, NULL, NULL, NULL) ||
	       type == DW_UT_split_compile || type == DW_UT_split_type;
}

/* There are many units, and all of them stay. */
static void give_back(struct hi_die_unit *unit)
{
	void *steps = realloc(unit->steps,
			      (unit->n_steps + 1) * sizeof(*unit->steps));
	void *abbrevs;
	size_t n = unit->n_abbrevs;

	if (steps) {
		unit->steps = steps;
		unit->cap_steps = unit->n_steps + 1;
	}
	while (n > 1 && !unit->abbrevs[n - 1].is_known)
		n--;
	abbrevs = n ? realloc(unit->abbrevs, n * sizeof(*unit->abbrevs)) : NULL;
	if (abbrevs) {
		unit->abbrevs = abbrevs;
		unit->n_abbrevs = n;
	}
}

static bool find_abbrevs(struct hi_die_units *units, struct hi_die_unit *unit,
			 Dwarf_Die *top, uint64_t abbrevs_at)
{
	struct table table;

	if (is_split(unit->cu))
		return copy_abbrevs(unit, top);
	unit->texts = units->texts;
	if (!units->abbrevs.len)
		return copy_abbrevs(unit, top);
	if (abbrevs_at >= units->abbrevs.len)
		return false;
	table = (struct table){ units->abbrevs.at + abbrevs_at,
				units->abbrevs.at + units->abbrevs.len };
	while (take_abbrev(unit, &table))
		;
	return true;
}

bool hi_die_read_abbrevs(struct hi_die_units *units, struct hi_die_unit *unit,
			 Dwarf_Die *top, uint64_t abbrevs_at)
{
	bool found = find_abbrevs(units, unit, top, abbrevs_at);

	give_back(unit);
	return found;
}
