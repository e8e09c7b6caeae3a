/*
 * What has no place. Of two equal functions gcc compiles one and lets the other jump
 * to it or share its address: the other's entry has only its name. So has that of a
 * constant of C++ of which gcc knows the value.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/grow.h"
#include "elfscan/dies_parts.h"

void hi_dies_note_nowhere(struct hi_dies *dies, const Dwarf_Die *die)
{
	if (hi_grow(&dies->nowhere, dies->n_nowhere, &dies->cap_nowhere,
		    sizeof(*dies->nowhere)))
		dies->nowhere[dies->n_nowhere++] = hi_die_get_place(die);
}

static int compare_names(const void *left, const void *right)
{
	const struct hi_missing *a = left, *b = right;

	return strcmp(a->wanted->symbol->name, b->wanted->symbol->name);
}

static int compare_to_name(const void *name, const void *right)
{
	const struct hi_missing *missing = right;

	return strcmp(name, missing->wanted->symbol->name);
}

static void take(struct hi_dies *dies, const struct hi_die_place *place,
		 const char *name)
{
	struct hi_missing *found = bsearch(name, dies->missing, dies->n_missing,
					   sizeof(*found), compare_to_name);

	if (found) {
		found->wanted->fit = 3;
		found->wanted->place = *place;
	}
}

/* gcc calls what its several symbols have in common _ZN1AD4Ev. */
static void take_variants(struct hi_dies *dies,
			  const struct hi_die_place *place, const char *name,
			  size_t digit)
{
	struct hi_buf variant = HI_BUF_INIT;

	hi_buf_text(&variant, name);
	for (char c = '0'; c < '4' && !variant.failed; c++) {
		variant.data[digit] = c;
		take(dies, place, hi_buf_str(&variant));
	}
	hi_buf_done(&variant);
}

static void look_at(struct hi_dies *dies, const struct hi_die_place *place)
{
	Dwarf_Die die = hi_die_at(place);
	struct hi_die entry, room;
	const char *name;
	size_t digit;

	if (!hi_die_read(&dies->entries, &die, &entry) ||
	    !hi_die_find(&dies->entries, &entry, HI_AT_EXTERNAL, &room))
		return;
	name = hi_die_find_text(&dies->entries, &entry, HI_AT_LINKAGE_NAME);
	if (!name)
		name = hi_die_find_text(&dies->entries, &entry, HI_AT_NAME);
	if (!name)
		return;
	digit = hi_dies_find_digit(name);
	if (digit)
		take_variants(dies, place, name, digit);
	else
		take(dies, place, name);
}

void hi_dies_find_missing(struct hi_dies *dies)
{
	dies->missing = calloc(dies->n_wanted, sizeof(*dies->missing));
	for (size_t i = 0; dies->missing && i < dies->n_wanted; i++) {
		struct hi_wanted *wanted = &dies->wanted[i];

		if (wanted->fit < 2 && wanted->symbol->exported &&
		    (wanted->symbol->type == HI_SYM_FUNC ||
		     wanted->symbol->type == HI_SYM_OBJECT))
			dies->missing[dies->n_missing++].wanted = wanted;
	}
	if (!dies->missing || !dies->n_missing)
		return;
	qsort(dies->missing, dies->n_missing, sizeof(*dies->missing),
	      compare_names);
	for (size_t i = 0; i < dies->n_nowhere; i++)
		look_at(dies, &dies->nowhere[i]);
}
