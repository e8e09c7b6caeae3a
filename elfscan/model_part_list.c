/*
 * The parts of one type, while they are counted.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/model_parts.h"

void hi_part_list_add(struct hi_part_list *parts,
		      const struct hi_model_part *part)
{
	if (!hi_grow(&parts->list, parts->n, &parts->cap,
		     sizeof(*parts->list))) {
		parts->failed = true;
		return;
	}
	parts->list[parts->n++] = *part;
}

void hi_part_list_take(struct hi_model_reader *reader,
		       struct hi_part_list *parts, uint32_t number)
{
	struct hi_model *model = reader->model;
	size_t len = parts->n * sizeof(*parts->list);
	struct hi_model_part *kept = len ? hi_model_alloc(model, len) : NULL;

	if (kept) {
		memcpy(kept, parts->list, len);
		model->types[number].parts = kept;
		model->types[number].n_parts = parts->n;
	}
	model->failed = model->failed || parts->failed;
	free(parts->list);
}

const char *hi_model_copy_name(struct hi_model_reader *reader,
			       const struct hi_die *entry)
{
	const char *name = hi_die_find_text(reader->entries, entry, HI_AT_NAME);

	return name ? hi_model_copy(reader->model, name) : "";
}
