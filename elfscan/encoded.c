#include "elfscan/encoded.h"

#include <dwarf.h>
#include <string.h>

void hi_encoded_init(struct hi_encoded *in, const struct hi_image *image,
		     uint64_t addr_link)
{
	const struct hi_image_header *header = hi_image_get_header(image);

	memset(in, 0, sizeof(*in));
	in->start_link = addr_link;
	for (size_t i = 0; i < header->n_phdrs && !in->bytes; i++) {
		const GElf_Phdr *phdr = &header->phdrs[i];

		if (phdr->p_type != PT_LOAD || addr_link < phdr->p_vaddr ||
		    addr_link - phdr->p_vaddr >= phdr->p_filesz)
			continue;
		in->len = phdr->p_filesz - (addr_link - phdr->p_vaddr);
		in->bytes = hi_image_find_bytes(image, addr_link, in->len);
	}
	in->failed = !in->bytes;
}

void hi_encoded_seek(struct hi_encoded *in, uint64_t addr_link)
{
	if (addr_link < in->start_link || addr_link - in->start_link > in->len)
		in->failed = true;
	else
		in->at = addr_link - in->start_link;
}

uint64_t hi_encoded_get_place(const struct hi_encoded *in)
{
	return in->start_link + in->at;
}

/* LEN bytes, the lowest first. */
static uint64_t read_number(struct hi_encoded *in, size_t len)
{
	uint64_t value = 0;

	if (in->failed || in->len - in->at < len) {
		in->failed = true;
		return 0;
	}
	memcpy(&value, in->bytes + in->at, len);
	in->at += len;
	return value;
}

uint8_t hi_encoded_byte(struct hi_encoded *in)
{
	return (uint8_t)read_number(in, 1);
}

/* The bits of a number and how many there are. */
static uint64_t read_leb(struct hi_encoded *in, unsigned int *bits)
{
	uint64_t value = 0;
	uint8_t byte;

	*bits = 0;
	do {
		byte = hi_encoded_byte(in);
		if (*bits < 64)
			value |= (uint64_t)(byte & 0x7f) << *bits;
		*bits += 7;
	} while (byte & 0x80);
	return in->failed ? 0 : value;
}

uint64_t hi_encoded_uleb(struct hi_encoded *in)
{
	unsigned int bits;

	return read_leb(in, &bits);
}

int64_t hi_encoded_sleb(struct hi_encoded *in)
{
	unsigned int bits;
	uint64_t value = read_leb(in, &bits);

	if (bits < 64 && value >> (bits - 1) & 1)
		value |= ~(uint64_t)0 << bits;
	return (int64_t)value;
}

/* The lower four bits: what is stored. */
static uint64_t read_format(struct hi_encoded *in, uint8_t format)
{
	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return read_number(in, 8);
	case DW_EH_PE_uleb128:
		return hi_encoded_uleb(in);
	case DW_EH_PE_udata2:
		return read_number(in, 2);
	case DW_EH_PE_udata4:
		return read_number(in, 4);
	case DW_EH_PE_sleb128:
		return (uint64_t)hi_encoded_sleb(in);
	case DW_EH_PE_sdata2:
		return (uint64_t)(int16_t)read_number(in, 2);
	case DW_EH_PE_sdata4:
		return (uint64_t)(int32_t)read_number(in, 4);
	default:
		in->failed = true;
		return 0;
	}
}

uint64_t hi_encoded_pointer(struct hi_encoded *in, uint8_t encoding,
			    uint64_t function_link)
{
	uint64_t place = hi_encoded_get_place(in);
	uint64_t value = read_format(in, encoding & 0x0f);

	/* a null pointer is null however it is written */
	if (in->failed || value == 0)
		return 0;
	switch (encoding & 0xf0) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return place + value;
	case DW_EH_PE_funcrel:
		return function_link + value;
	default:
		in->failed = true;
		return 0;
	}
}
