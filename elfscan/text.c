#include "elfscan/text.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/insn.h"

#define ARRIVALS_MAX 16

/* The walk through the build before. */
struct cursor {
	const struct hi_text *before; /* or NULL */
	size_t at;                    /* the region that should come next */
};

static bool add_field(struct hi_text *text, const struct hi_field *field)
{
	if (text->n_fields == text->cap_fields) {
		size_t cap = text->cap_fields ? 2 * text->cap_fields : 1024;
		struct hi_field *grown =
			reallocarray(text->fields, cap, sizeof(*grown));

		if (!grown)
			return false;
		text->fields = grown;
		text->cap_fields = cap;
	}
	text->fields[text->n_fields++] = *field;
	return true;
}

static size_t region_len(const struct hi_region *region)
{
	return region->end_link - region->start_link;
}

const uint8_t *hi_text_find_bytes(const struct hi_text *text, size_t region)
{
	return hi_image_find_bytes(text->image,
				   text->regions[region].start_link,
				   region_len(&text->regions[region]));
}

uint64_t hi_field_get_target(const struct hi_field *field, const uint8_t *bytes,
			     uint64_t start_link)
{
	int8_t near = 0;
	int32_t distance;

	memcpy(&near, bytes + field->at, 1);
	distance = near; /* NOLINT(bugprone-signed-char-misuse): signed */

	if (field->len == 4)
		memcpy(&distance, bytes + field->at, 4);
	return start_link + field->at + field->to_next + (int64_t)distance;
}

/* --- decoding ------------------------------------------------------------ */

/* The fields of one instruction, AT bytes into REGION. */
static bool note(struct hi_text *text, const struct hi_region *region,
		 struct hi_text_region *part, const struct hi_insn *insn,
		 size_t at)
{
	struct hi_field field = { .insn_len = insn->len };
	uint64_t to = insn->target_link - region->start_link;

	if (insn->rip_relative) {
		field.at = (uint32_t)(at + insn->disp_offset);
		field.len = insn->disp_len;
		field.to_next = insn->len - insn->disp_offset;
		field.kind = insn->is_lea ? HI_FIELD_ADDRESS : HI_FIELD_ACCESS;
		return add_field(text, &field);
	}
	if (!insn->target_link) {
		part->indirect |= insn->flow == HI_FLOW_JUMP;
		return true;
	}
	if (to < region_len(region)) {
		if (to < ARRIVALS_MAX)
			part->arrivals |= 1U << to;
		return true;
	}
	field.at = (uint32_t)(at + insn->imm_offset);
	field.len = insn->imm_len;
	field.to_next = insn->len - insn->imm_offset;
	field.kind = HI_FIELD_BRANCH;
	return add_field(text, &field);
}

static bool decode(struct hi_text *text, size_t i, const uint8_t *bytes)
{
	const struct hi_region *region = &text->regions[i];
	struct hi_text_region *part = &text->parts[i];
	size_t len = region_len(region);
	struct hi_insn insn;

	text->n_decoded++;
	*part = (struct hi_text_region){ .first = text->n_fields };
	for (size_t at = 0; at < len; at += insn.len) {
		if (!hi_insn_measure(bytes + at, len - at,
				     region->start_link + at, &insn)) {
			text->n_fields = part->first;
			*part = (struct hi_text_region){ 0 };
			return true;
		}
		if (!note(text, region, part, &insn, at))
			return false;
	}
	part->n = text->n_fields - part->first;
	part->decodes = true;
	return true;
}

/* --- carrying over ------------------------------------------------------- */

/* Whether BYTES are those of region I of BEFORE, but for its fields. */
static bool is_alike(const struct hi_text *before, size_t i,
		     const uint8_t *bytes, size_t len)
{
	const struct hi_text_region *part = &before->parts[i];
	const uint8_t *old;
	size_t at = 0;

	if (!part->decodes || region_len(&before->regions[i]) != len)
		return false;
	old = hi_text_find_bytes(before, i);
	for (uint32_t f = 0; old && f < part->n; f++) {
		const struct hi_field *field = &before->fields[part->first + f];

		if (memcmp(old + at, bytes + at, field->at - at) != 0)
			return false;
		at = field->at + field->len;
	}
	return old && memcmp(old + at, bytes + at, len - at) == 0;
}

/* The region of BEFORE with the function's counterpart; n_regions: none. */
static size_t find_counterpart(const struct hi_text *text,
			       const struct hi_text *before,
			       const struct hi_symbol *function)
{
	const struct hi_region *region;
	const struct hi_symbol *same;
	bool ambiguous;

	same = hi_symtab_find_same(before->symtab, text->symtab, function,
				   &ambiguous);
	region = same ? hi_regions_find(before->regions, before->n_regions,
					same->addr_link) :
			NULL;
	return region ? (size_t)(region - before->regions) : before->n_regions;
}

/* The region of BEFORE that region I is alike; n_regions: none. */
static size_t find_alike(const struct hi_text *text, struct cursor *cursor,
			 size_t i, const uint8_t *bytes)
{
	const struct hi_region *region = &text->regions[i];
	const struct hi_text *before = cursor->before;
	size_t len = region_len(region), at = cursor->at;

	/* gaps come and go with the alignment of what follows */
	while (at < before->n_regions && before->regions[at].gap &&
	       !region->gap)
		at++;
	if (at < before->n_regions && before->regions[at].gap == region->gap &&
	    is_alike(before, at, bytes, len)) {
		cursor->at = at + 1;
		return at;
	}
	if (!region->function)
		return before->n_regions;
	at = find_counterpart(text, before, region->function);
	if (at == before->n_regions)
		return at;
	cursor->at = at + 1;
	return is_alike(before, at, bytes, len) ? at : before->n_regions;
}

static bool carry_over(struct hi_text *text, size_t i,
		       const struct hi_text *before, size_t from)
{
	const struct hi_text_region *part = &before->parts[from];

	text->parts[i] = *part;
	text->parts[i].first = text->n_fields;
	for (uint32_t f = 0; f < part->n; f++)
		if (!add_field(text, &before->fields[part->first + f]))
			return false;
	return true;
}

static bool read_region(struct hi_text *text, struct cursor *cursor, size_t i)
{
	const uint8_t *bytes = hi_text_find_bytes(text, i);
	size_t from;

	if (!bytes)
		return true;
	if (cursor->before) {
		from = find_alike(text, cursor, i, bytes);
		if (from < cursor->before->n_regions)
			return carry_over(text, i, cursor->before, from);
	}
	return decode(text, i, bytes);
}

int hi_text_new(struct hi_image *image, const struct hi_symtab *symtab,
		const struct hi_text *before, struct hi_text **ret_text,
		struct hi_err *err)
{
	struct hi_text *text = calloc(1, sizeof(*text));
	struct cursor cursor = { before, 0 };
	int code;

	if (!text)
		return hi_fail(err, HI_E_NOMEM, "out of memory for the text");
	text->image = image;
	text->symtab = symtab;
	code = hi_regions_new(image, symtab, &text->regions, &text->n_regions,
			      err);
	if (code == 0) {
		text->parts = calloc(text->n_regions + 1, sizeof(*text->parts));
		if (!text->parts)
			code = HI_E_NOMEM;
	}
	for (size_t i = 0; i < text->n_regions && code == 0; i++)
		if (!read_region(text, &cursor, i))
			code = HI_E_NOMEM;
	if (code < 0) {
		hi_text_free(text);
		return hi_fail(err, code, "out of memory for the text");
	}
	*ret_text = text;
	return 0;
}

void hi_text_free(struct hi_text *text)
{
	if (!text)
		return;
	free(text->regions);
	free(text->parts);
	free(text->fields);
	free(text);
}
