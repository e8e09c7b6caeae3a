#include "elfscan/units.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/dies.h"
#include "elfscan/units_parts.h"

/* How far the order of units may change from build to build. */
#define WINDOW 16

/* --- the units of a file ------------------------------------------------- */

static bool find_section(const struct hi_image *image, const char *name,
			 struct hi_bytes *ret_bytes)
{
	const uint8_t *file;
	GElf_Shdr shdr;
	size_t len;

	if (!hi_image_find_section(image, name, &shdr))
		return true;
	if (shdr.sh_type == SHT_NOBITS || shdr.sh_flags & SHF_COMPRESSED)
		return false;
	file = hi_image_get_file(image, &len);
	ret_bytes->at = file + shdr.sh_offset;
	ret_bytes->len = shdr.sh_size;
	return true;
}

static bool ends_with_nul(const struct hi_bytes *bytes)
{
	return !bytes->len || !bytes->at[bytes->len - 1];
}

static bool find_sections(const struct hi_image *image,
			  struct hi_unit_sections *sections)
{
	return find_section(image, ".debug_info", &sections->info) &&
	       find_section(image, ".debug_abbrev", &sections->abbrev) &&
	       find_section(image, ".debug_str", &sections->str) &&
	       find_section(image, ".debug_line_str", &sections->line_str) &&
	       sections->info.len && sections->info.len < UINT32_MAX &&
	       ends_with_nul(&sections->str) &&
	       ends_with_nul(&sections->line_str);
}

/* The length of the unit at AT; 0 when it is not one of 32-bit DWARF. */
static size_t unit_len(const struct hi_bytes *info, size_t at)
{
	uint32_t len;

	if (info->len - at < 12)
		return 0;
	memcpy(&len, info->at + at, 4);
	if (len >= 0xfffffff0 || len < 8 || len > info->len - at - 4)
		return 0;
	return len + 4;
}

static size_t count_units(const struct hi_bytes *info)
{
	size_t n = 0, len;

	for (size_t at = 0; at < info->len; at += len, n++) {
		len = unit_len(info, at);
		if (!len)
			return 0;
	}
	return n;
}

/* A digest of BEFORE's that fits, near unit *AT, where the last one was. */
static struct hi_unit_digest *find_alike(
	const struct hi_units *before, const struct hi_unit_sections *sections,
	struct hi_unit_strings *strings, const uint8_t *unit, size_t len,
	size_t *at)
{
	for (size_t i = 0; i < 2UL * WINDOW; i++) {
		/* outwards from where it should be; the one before it first,
		   which is the one when a unit was added */
		size_t try = i % 2 ? *at - (i + 1) / 2 : *at + i / 2;
		struct hi_unit_digest *digest;

		if (try >= before->n) /* also below 0 */
			continue;
		digest = before->units[try].digest;
		if (digest->unit.len != len ||
		    !hi_unit_digest_fits(digest, sections, strings, unit))
			continue;
		*at = try + 1;
		digest->n_users++;
		return digest;
	}
	(*at)++;
	return NULL;
}

static bool read_units(struct hi_units *units,
		       const struct hi_units *const before[], size_t n_before)
{
	const struct hi_bytes *info = &units->sections.info;
	struct hi_unit_strings strings[2] = { { 0 } };
	size_t cursors[2] = { 0 }, len;
	bool done = true;

	for (size_t at = 0; at < info->len && done; at += len) {
		struct hi_unit *unit = &units->units[units->n++];

		len = unit_len(info, at);
		unit->start = (uint32_t)at;
		for (size_t i = 0; i < n_before && !unit->digest; i++)
			if (before[i])
				unit->digest =
					find_alike(before[i], &units->sections,
						   &strings[i], info->at + at,
						   len, &cursors[i]);
		units->n_shared += unit->digest != NULL;
		if (!unit->digest)
			unit->digest = hi_unit_digest_new(&units->sections,
							  info->at + at, len);
		done = unit->digest != NULL;
	}
	free(strings[0].found);
	free(strings[1].found);
	return done;
}

/* --- whose entry is it? -------------------------------------------------- */

/* The first of N symbols, which are sorted, at ADDR or behind it. */
static size_t lower_bound(const struct hi_symbol *symbols, size_t n,
			  uint64_t addr)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].addr_link < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* An entry of unit UNIT claims ADDR. */
static void claim(struct hi_units *units, size_t unit, size_t at, uint64_t addr)
{
	const struct hi_unit_entry *entry =
		&units->units[unit].digest->entries[at];
	const struct hi_symbol *symbols = entry->function ? units->functions :
							    units->variables;
	size_t n = entry->function ? units->n_functions : units->n_variables;
	struct hi_unit_found *found =
		units->found + (entry->function ? 0 : units->n_functions);

	for (size_t i = lower_bound(symbols, n, addr);
	     i < n && symbols[i].addr_link == addr; i++) {
		uint8_t fit;

		if ((symbols[i].type == HI_SYM_TLS) != entry->tls)
			continue;
		fit = hi_dies_get_fit(entry->linkage, entry->name, &symbols[i]);
		if (fit <= found[i].fit || (entry->tls && fit < 2))
			continue;
		found[i] = (struct hi_unit_found){ (uint32_t)unit + 1,
						   (uint32_t)at, fit };
	}
}

static Dwarf *open_dwarf(struct hi_units *units)
{
	if (!units->opened) {
		units->opened = malloc(sizeof(*units->opened));
		if (!units->opened)
			return NULL;
		hi_dies_init(units->opened, units->image, NULL);
	}
	return units->opened->dwarf;
}

bool hi_units_get_die(struct hi_units *units, size_t unit, uint32_t at,
		      Dwarf_Die *ret_die)
{
	Dwarf *dwarf = open_dwarf(units);

	return dwarf &&
	       dwarf_offdie(dwarf, units->units[unit].start + at, ret_die);
}

static void claim_ranges(struct hi_units *units, size_t unit, size_t at)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t next = 0;
	Dwarf_Die die;

	if (!hi_units_get_die(units, unit,
			      units->units[unit].digest->entries[at].at, &die))
		return;
	while ((next = dwarf_ranges(&die, next, &base, &start, &end)) > 0)
		claim(units, unit, at, start);
}

static void claim_unit(struct hi_units *units, size_t unit)
{
	const struct hi_unit_digest *digest = units->units[unit].digest;
	const uint8_t *bytes =
		units->sections.info.at + units->units[unit].start;

	for (size_t i = 0; i < digest->n_entries; i++) {
		const struct hi_unit_entry *entry = &digest->entries[i];
		uint64_t addr = 0;

		if (entry->ranges)
			claim_ranges(units, unit, i);
		if (!entry->place)
			continue;
		memcpy(&addr, bytes + entry->place, entry->place_len);
		claim(units, unit, i, addr);
	}
}

struct missing {
	const char *name;
	struct hi_unit_found *found;
};

static int compare_missing(const void *left, const void *right)
{
	const struct missing *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Functions that share another's address have entries without one: by name. */
static void claim_by_name(struct hi_units *units, size_t unit,
			  const struct missing *missing, size_t n)
{
	const struct hi_unit_digest *digest = units->units[unit].digest;

	for (size_t i = 0; i < digest->n_entries; i++) {
		const struct hi_unit_entry *entry = &digest->entries[i];
		struct missing key = { entry->linkage ? entry->linkage :
							entry->name,
				       NULL };
		const struct missing *same;

		if (!entry->nowhere || !key.name)
			continue;
		same = bsearch(&key, missing, n, sizeof(key), compare_missing);
		if (same)
			*same->found =
				(struct hi_unit_found){ (uint32_t)unit + 1,
							(uint32_t)i, 3 };
	}
}

static bool claim_missing(struct hi_units *units)
{
	struct missing *missing = NULL;
	size_t n = 0;

	for (size_t i = 0; i < units->n_functions; i++)
		n += units->found[i].fit < 2 && units->functions[i].exported;
	if (!n)
		return true;
	missing = calloc(n, sizeof(*missing));
	if (!missing)
		return false;
	n = 0;
	for (size_t i = 0; i < units->n_functions; i++)
		if (units->found[i].fit < 2 && units->functions[i].exported)
			missing[n++] =
				(struct missing){ units->functions[i].name,
						  &units->found[i] };
	qsort(missing, n, sizeof(*missing), compare_missing);
	for (size_t i = 0; i < units->n; i++)
		claim_by_name(units, i, missing, n);
	free(missing);
	return true;
}

static bool find_owners(struct hi_units *units)
{
	units->found = calloc(units->n_functions + units->n_variables + 1,
			      sizeof(*units->found));
	if (!units->found)
		return false;
	for (size_t i = 0; i < units->n; i++)
		claim_unit(units, i);
	return claim_missing(units);
}

/* --- the handle ---------------------------------------------------------- */

int hi_units_new(struct hi_image *image, const struct hi_symtab *symtab,
		 const struct hi_units *const before[], size_t n_before,
		 struct hi_units **ret_units, struct hi_err *err)
{
	struct hi_units *units = calloc(1, sizeof(*units));
	size_t n;

	*ret_units = NULL;
	if (!units)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for debug information");
	units->image = image;
	units->functions = hi_symtab_get_functions(symtab, &units->n_functions);
	units->variables = hi_symtab_get_variables(symtab, &units->n_variables);
	n = find_sections(image, &units->sections) ?
		    count_units(&units->sections.info) :
		    0;
	units->units = calloc(n + 1, sizeof(*units->units));
	if (n && units->units && read_units(units, before, n_before) &&
	    find_owners(units))
		*ret_units = units;
	else
		hi_units_free(units);
	return 0;
}

void hi_units_free(struct hi_units *units)
{
	if (!units)
		return;
	for (size_t i = 0; units->units && i < units->n; i++)
		hi_unit_digest_drop(units->units[i].digest);
	if (units->opened)
		hi_dies_done(units->opened);
	free(units->opened);
	free(units->units);
	free(units->found);
	free(units);
}
