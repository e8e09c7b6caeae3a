#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/units_parts.h"

#define DEPTH_MAX   256
#define ORIGINS_MAX 16 /* as dwarf_attr_integrate() follows */

/* --- entries that may be somebody's -------------------------------------- */

/* What the entry has of its origin: names, and whether it is external. */
static void integrate(struct hi_unit_maker *maker, struct hi_unit_facts *facts)
{
	const uint8_t *at = maker->at;
	struct hi_unit_facts origin = *facts;

	maker->peek = true;
	for (int i = 0; i < ORIGINS_MAX && !maker->failed; i++) {
		uint32_t next = origin.origin ? origin.origin :
						origin.specification;

		if (!next || next >= maker->digest->unit.len)
			break;
		maker->at = maker->digest->unit.at + next;
		if (!hi_unit_read_entry(maker, &origin))
			break;
		if (!facts->name)
			facts->name = origin.name;
		if (!facts->linkage)
			facts->linkage = origin.linkage;
		facts->is_external |= origin.is_external;
	}
	maker->peek = false;
	maker->at = at;
}

static void note(struct hi_unit_maker *maker, const uint8_t *at,
		 struct hi_unit_facts *facts, bool inner)
{
	struct hi_unit_digest *digest = maker->digest;
	struct hi_unit_entry entry = {
		.at = hi_unit_offset(maker, at),
		.place = facts->place,
		.place_len = facts->place_len,
		.function = facts->tag == DW_TAG_subprogram,
		.tls = facts->tls,
	};

	if (entry.function && !entry.place)
		entry.ranges = facts->is_ranged;
	if (!entry.place && !entry.ranges &&
	    (!entry.function || facts->has_place || facts->is_declaration ||
	     inner))
		return;
	integrate(maker, facts);
	entry.name = facts->name;
	entry.linkage = facts->linkage;
	entry.nowhere = !entry.place && !entry.ranges;
	if (entry.nowhere && !facts->is_external)
		return;
	if (!hi_grow(&digest->entries, digest->n_entries, &digest->cap_entries,
		     sizeof(entry))) {
		maker->failed = true;
		return;
	}
	digest->entries[digest->n_entries++] = entry;
}

static bool holds_entries(int tag, bool *ret_inner)
{
	*ret_inner |= tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
	/* gcc compiles lambdas where their class is */
	if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type)
		return *ret_inner;
	return tag == DW_TAG_namespace || tag == DW_TAG_module ||
	       tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
}

static void read_entries(struct hi_unit_maker *maker)
{
	struct {
		bool looked, inner;
	} levels[DEPTH_MAX + 1] = { { 0 } };
	struct hi_unit_facts facts;
	int depth = 1;

	if (!hi_unit_read_entry(maker, &facts) ||
	    facts.tag != DW_TAG_compile_unit) {
		maker->failed = true;
		return;
	}
	levels[1].looked = true;
	while (facts.has_children && depth && !maker->failed &&
	       maker->at < maker->end) {
		const uint8_t *at = maker->at;
		struct hi_unit_facts one;

		if (!hi_unit_read_entry(maker, &one)) {
			depth--;
			continue;
		}
		if (levels[depth].looked && (one.tag == DW_TAG_subprogram ||
					     one.tag == DW_TAG_variable))
			note(maker, at, &one, levels[depth].inner);
		if (!one.has_children)
			continue;
		if (depth == DEPTH_MAX) {
			maker->failed = true;
			break;
		}
		levels[depth + 1] = levels[depth];
		depth++;
		if (!holds_entries(one.tag, &levels[depth].inner))
			levels[depth].looked = false;
	}
}

/* --- digests ------------------------------------------------------------- */

/* Where the entries begin: DWARF of 32 bits, 8-byte addresses; 0 otherwise. */
static size_t read_header(const uint8_t *unit, size_t len)
{
	uint16_t version;

	if (len < 12)
		return 0;
	memcpy(&version, unit + 4, sizeof(version));
	if (version == 3 || version == 4)
		return unit[10] == 8 ? 11 : 0;
	return version == 5 && unit[6] == DW_UT_compile && unit[7] == 8 ? 12 :
									  0;
}

struct hi_unit_digest *hi_unit_digest_new(
	const struct hi_unit_sections *sections, const uint8_t *unit,
	size_t len)
{
	size_t start = read_header(unit, len);
	struct hi_unit_digest *digest = calloc(1, sizeof(*digest));
	struct hi_unit_maker maker = { .digest = digest };

	if (!digest)
		return NULL;
	digest->n_users = 1;
	digest->sections = *sections;
	digest->unit = (struct hi_bytes){ unit, len };
	digest->mask = malloc(len);
	maker.failed = !start || !digest->mask || len >> 31;
	if (!maker.failed) {
		memset(digest->mask, 0xff, len);
		memset(digest->mask + start - (start == 12 ? 4 : 5), 0, 4);
		hi_unit_read_abbrevs(&maker);
		maker.at = unit + start;
		maker.end = unit + len;
	}
	if (!maker.failed)
		read_entries(&maker);
	if (maker.skipped)
		digest->n_entries = 0;
	free(maker.abbrevs);
	free(maker.attributes);
	if (!maker.failed)
		return digest;
	hi_unit_digest_drop(digest);
	return NULL;
}

void hi_unit_digest_drop(struct hi_unit_digest *digest)
{
	if (!digest || --digest->n_users)
		return;
	free(digest->mask);
	free(digest->strings);
	free(digest->entries);
	free(digest);
}
