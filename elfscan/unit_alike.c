#include <stdlib.h>
#include <string.h>

#include "elfscan/units_parts.h"

static bool same_masked(const uint8_t *a, const uint8_t *b, const uint8_t *mask,
			size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t x, y, m;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		memcpy(&m, mask + i, 8);
		if ((x ^ y) & m)
			return false;
	}
	for (; i < len; i++)
		if ((a[i] ^ b[i]) & mask[i])
			return false;
	return true;
}

static const char *string_at(const struct hi_bytes *section, uint32_t offset)
{
	return (const char *)section->at + offset;
}

/* A string is compared once: the linker has put equal ones together. */
static bool same_string(struct hi_unit_strings *strings,
			const struct hi_bytes *olds,
			const struct hi_bytes *news, uint32_t old, uint32_t new)
{
	if (strings->same && old == new)
		return true;
	if (strings->found && strings->found[old] == new + 1)
		return true;
	if (new >= news->len ||
	    strcmp(string_at(olds, old), string_at(news, new)) != 0)
		return false;
	if (strings->found)
		strings->found[old] = new + 1;
	return true;
}

static bool same_strings(const struct hi_unit_digest *digest,
			 const struct hi_unit_sections *sections,
			 struct hi_unit_strings *strings, const uint8_t *unit)
{
	const struct hi_unit_sections *before = &digest->sections;
	struct hi_unit_strings line = { 0 };

	for (size_t i = 0; i < digest->n_strings; i++) {
		const struct hi_unit_string *string = &digest->strings[i];
		uint32_t old, new;
		bool same;

		memcpy(&old, digest->unit.at + string->at, 4);
		memcpy(&new, unit + string->at, 4);
		same = string->line ?
			       same_string(&line, &before->line_str,
					   &sections->line_str, old, new) :
			       same_string(strings, &before->str,
					   &sections->str, old, new);
		if (!same)
			return false;
	}
	return true;
}

/* Make STRINGS know the pair of tables. */
static void meet(struct hi_unit_strings *strings, const struct hi_bytes *old,
		 const struct hi_bytes *new)
{
	if (strings->old == old->at)
		return;
	free(strings->found);
	strings->found = NULL;
	strings->old = old->at;
	strings->same = old->len == new->len &&
			(!old->len || !memcmp(old->at, new->at, old->len));
	/* without it each is compared each time */
	if (!strings->same)
		strings->found = calloc(old->len + 1, sizeof(uint32_t));
}

bool hi_unit_digest_fits(const struct hi_unit_digest *digest,
			 const struct hi_unit_sections *sections,
			 struct hi_unit_strings *strings, const uint8_t *unit)
{
	uint32_t abbrevs_at = hi_unit_abbrevs_at(unit);
	const struct hi_bytes *abbrevs = &digest->abbrevs;

	if (abbrevs_at >= sections->abbrev.len ||
	    abbrevs->len > sections->abbrev.len - abbrevs_at ||
	    !same_masked(digest->unit.at, unit, digest->mask,
			 digest->unit.len) ||
	    memcmp(abbrevs->at, sections->abbrev.at + abbrevs_at,
		   abbrevs->len) != 0)
		return false;
	meet(strings, &digest->sections.str, &sections->str);
	return same_strings(digest, sections, strings, unit);
}
