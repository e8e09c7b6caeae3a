/*
 * Digests that leave the image that they were made from.
 */
#include <stdlib.h>
#include <string.h>

#include "elfscan/units_parts.h"

/* Where the strings of one table are in another: the offset there and 1, or 0. */
struct table {
	const struct hi_bytes *old, *new;
	uint32_t *found;
};

struct move {
	struct hi_unit_digest *digest;
	const uint8_t *unit; /* that is alike */
	struct table str, line_str;
};

static bool is_in(const struct hi_bytes *bytes, const void *at)
{
	const uint8_t *byte = at;

	return bytes->len && byte >= bytes->at && byte < bytes->at + bytes->len;
}

/* Every string of the unit, by the fields that name it. */
static void find_strings(struct move *move)
{
	const struct hi_unit_digest *digest = move->digest;

	for (size_t i = 0; i < digest->n_strings; i++) {
		const struct hi_unit_string *string = &digest->strings[i];
		struct table *table = string->line ? &move->line_str :
						     &move->str;
		uint32_t old, new;

		memcpy(&old, digest->unit.at + string->at, 4);
		memcpy(&new, move->unit + string->at, 4);
		table->found[old] = new + 1;
	}
}

static const char *find_in(const struct table *table, const char *name)
{
	uint32_t found = table->found[(const uint8_t *)name - table->old->at];

	return found ? (const char *)table->new->at + found - 1 : NULL;
}

/* A name of an entry; NULL when it is nowhere. */
static const char *find_name(const struct move *move, const char *name)
{
	const struct hi_unit_digest *digest = move->digest;

	if (is_in(&digest->unit, name))
		return (const char *)move->unit +
		       ((const uint8_t *)name - digest->unit.at);
	if (is_in(move->str.old, name))
		return find_in(&move->str, name);
	return is_in(move->line_str.old, name) ?
		       find_in(&move->line_str, name) :
		       NULL;
}

static bool has_names(const struct move *move)
{
	const struct hi_unit_digest *digest = move->digest;

	for (size_t i = 0; i < digest->n_entries; i++) {
		const struct hi_unit_entry *entry = &digest->entries[i];

		if ((entry->name && !find_name(move, entry->name)) ||
		    (entry->linkage && !find_name(move, entry->linkage)))
			return false;
	}
	return true;
}

static bool move_one(struct move *move, const struct hi_unit_sections *to)
{
	struct hi_unit_digest *digest = move->digest;

	find_strings(move);
	if (!has_names(move))
		return false;
	for (size_t i = 0; i < digest->n_entries; i++) {
		struct hi_unit_entry *entry = &digest->entries[i];

		if (entry->name)
			entry->name = find_name(move, entry->name);
		if (entry->linkage)
			entry->linkage = find_name(move, entry->linkage);
	}
	digest->unit.at = move->unit;
	digest->abbrevs.at = to->abbrev.at + hi_unit_abbrevs_at(move->unit);
	digest->sections = *to;
	return true;
}

static bool is_of(const struct hi_unit_digest *digest,
		  const struct hi_image *image)
{
	struct hi_bytes file;

	file.at = hi_image_get_file(image, &file.len);
	return is_in(&file, digest->unit.at);
}

bool hi_units_move(struct hi_units *units, const struct hi_image *image)
{
	struct hi_unit_sections from;
	struct move move = { .digest = NULL };
	bool moved = true;

	for (size_t i = 0; i < units->n && moved; i++) {
		struct hi_unit_digest *digest = units->units[i].digest;

		if (!is_of(digest, image))
			continue;
		if (!move.str.found) {
			/* one for all of them: it is of one image */
			from = digest->sections;
			move.str = (struct table){
				&from.str, &units->sections.str,
				calloc(from.str.len + 1, sizeof(uint32_t))
			};
			move.line_str = (struct table){
				&from.line_str, &units->sections.line_str,
				calloc(from.line_str.len + 1, sizeof(uint32_t))
			};
		}
		move.digest = digest;
		move.unit = units->sections.info.at + units->units[i].start;
		moved = move.str.found && move.line_str.found &&
			move_one(&move, &units->sections);
	}
	free(move.str.found);
	free(move.line_str.found);
	return moved;
}
