#include "elfscan/unwind_table.h"

#include <string.h>

static int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

void hi_unwind_table_init(struct hi_unwind_table *table,
			  const struct hi_image *image)
{
	const struct hi_image_header *header = hi_image_get_header(image);
	const uint8_t *bytes;
	size_t i;

	memset(table, 0, sizeof(*table));
	table->image = image;
	for (i = 0; i < header->n_phdrs; i++)
		if (header->phdrs[i].p_type == PT_GNU_EH_FRAME)
			break;
	if (i == header->n_phdrs)
		return;
	table->base_link = header->phdrs[i].p_vaddr;
	bytes = hi_image_find_bytes(image, table->base_link, 12);
	if (!bytes || bytes[0] != 1 || bytes[2] != 0x03 || bytes[3] != 0x3b)
		return;
	table->n = (uint32_t)read_i32(bytes + 8);
	table->entries =
		hi_image_find_bytes(image, table->base_link + 12, table->n * 8);
	if (!table->entries)
		table->n = 0;
}

uint64_t hi_unwind_table_get_start(const struct hi_unwind_table *table,
				   size_t i)
{
	return table->base_link + (int64_t)read_i32(table->entries + 8 * i);
}

uint64_t hi_unwind_table_get_fde(const struct hi_unwind_table *table, size_t i)
{
	return table->base_link + (int64_t)read_i32(table->entries + 8 * i + 4);
}

uint64_t hi_unwind_table_get_end(const struct hi_unwind_table *table, size_t i)
{
	uint64_t start = hi_unwind_table_get_start(table, i);
	uint64_t fde = hi_unwind_table_get_fde(table, i);
	const uint8_t *bytes = hi_image_find_bytes(table->image, fde, 16);

	/*  length | CIE pointer | function's start | its length */
	if (!bytes || fde + 8 + (int64_t)read_i32(bytes + 8) != start)
		return start;
	return start + (uint32_t)read_i32(bytes + 12);
}

size_t hi_unwind_table_find(const struct hi_unwind_table *table,
			    uint64_t addr_link)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hi_unwind_table_get_start(table, middle) < addr_link)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
