#include "elfscan/cleanup.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "elfscan/encoded.h"
#include "elfscan/unwind_table.h"

/* One for each handler around a call; more is a circle. */
#define ACTIONS_MAX 256

/* How the FDEs of a CIE are written. */
struct encodings {
	uint8_t pointer, lsda;
};

struct function {
	uint64_t start_link, len;
	uint64_t lsda_link; /* 0: none */
};

/* --- the function's FDE --- */

/* IN is at the CIE's augmentation data, in the order of its letters. */
static bool read_encodings(const char *letters, struct hi_encoded *in,
			   struct encodings *ret)
{
	uint8_t personality;

	*ret = (struct encodings){ DW_EH_PE_absptr, DW_EH_PE_omit };
	if (*letters++ != 'z')
		return false;
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			ret->pointer = hi_encoded_byte(in);
			break;
		case 'L':
			ret->lsda = hi_encoded_byte(in);
			break;
		case 'P':
			/* where it is stands in a slot that ld.so fills */
			personality = hi_encoded_byte(in) &
				      (uint8_t)~DW_EH_PE_indirect;
			(void)hi_encoded_pointer(in, personality, 0);
			break;
		case 'S': /* a signal's frame */
		case 'B': /* signed return addresses */
			break;
		default:
			return false;
		}
	}
	return !in->failed;
}

/* IN is at the FDE's first pointer. */
static bool read_function(struct hi_encoded *in, const struct encodings *how,
			  struct function *ret)
{
	uint64_t end;

	ret->start_link = hi_encoded_pointer(in, how->pointer, 0);
	/* a length is no place: only its form is as the pointer's */
	ret->len = hi_encoded_pointer(in, how->pointer & 0x0f, 0);
	end = hi_encoded_uleb(in);
	end += hi_encoded_get_place(in);
	ret->lsda_link = 0;
	if (how->lsda != DW_EH_PE_omit)
		ret->lsda_link =
			hi_encoded_pointer(in, how->lsda, ret->start_link);
	return !in->failed && hi_encoded_get_place(in) <= end;
}

/*
 * The FDE at OFFSET of the LEN bytes that IN begins with, and its CIE; libdw tells the
 * forms of their heads apart.
 */
static bool read_entries(const struct hi_image *image,
			 const struct hi_encoded *in, size_t len,
			 uint64_t offset, Dwarf_FDE *ret_fde,
			 Dwarf_CIE *ret_cie)
{
	size_t file_len;
	const uint8_t *ident = hi_image_get_file(image, &file_len);
	Elf_Data data = { .d_buf = (void *)in->bytes,
			  .d_type = ELF_T_BYTE,
			  .d_version = EV_CURRENT,
			  .d_size = len };
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (dwarf_next_cfi(ident, &data, true, offset, &next, &entry) != 0 ||
	    dwarf_cfi_cie_p(&entry))
		return false;
	*ret_fde = entry.fde;
	if (dwarf_next_cfi(ident, &data, true, ret_fde->CIE_pointer, &next,
			   &entry) != 0 ||
	    !dwarf_cfi_cie_p(&entry))
		return false;
	*ret_cie = entry.cie;
	return ret_cie->augmentation && ret_cie->augmentation_data;
}

static bool read_fde(const struct hi_image *image, uint64_t fde_link,
		     struct function *ret)
{
	struct hi_encoded in;
	struct encodings how;
	GElf_Shdr frames;
	Dwarf_FDE fde;
	Dwarf_CIE cie;

	if (!hi_image_find_section(image, ".eh_frame", &frames))
		return false;
	hi_encoded_init(&in, image, frames.sh_addr);
	if (in.failed || frames.sh_size > in.len || fde_link < frames.sh_addr ||
	    fde_link - frames.sh_addr >= frames.sh_size ||
	    !read_entries(image, &in, frames.sh_size, fde_link - frames.sh_addr,
			  &fde, &cie))
		return false;
	in.at = (size_t)(cie.augmentation_data - in.bytes);
	if (!read_encodings(cie.augmentation, &in, &how))
		return false;
	in.at = (size_t)(fde.start - in.bytes);
	return read_function(&in, &how, ret);
}

static bool find_function(const struct hi_image *image, uint64_t pc_link,
			  struct function *ret)
{
	struct hi_unwind_table table;
	size_t i;

	hi_unwind_table_init(&table, image);
	i = hi_unwind_table_find(&table, pc_link + 1);
	return i > 0 &&
	       read_fde(image, hi_unwind_table_get_fde(&table, i - 1), ret) &&
	       pc_link - ret->start_link < ret->len;
}

/* --- its LSDA --- */

struct call_site {
	uint64_t pad;    /* 0: nothing is done there */
	uint64_t action; /* 1 + offset of its first action; 0: cleanup only */
	uint64_t actions_link;
};

/* The entries are sorted. */
static bool find_call_site(struct hi_encoded *in,
			   const struct function *function, uint64_t pc_link,
			   struct call_site *ret)
{
	uint64_t at = pc_link - function->start_link;
	uint8_t encoding = hi_encoded_byte(in);
	uint64_t len = hi_encoded_uleb(in);

	ret->actions_link = hi_encoded_get_place(in) + len;
	if (len > in->len - in->at)
		return false;
	while (!in->failed && hi_encoded_get_place(in) < ret->actions_link) {
		uint64_t start = hi_encoded_pointer(in, encoding, 0);
		uint64_t covers = hi_encoded_pointer(in, encoding, 0);

		ret->pad = hi_encoded_pointer(in, encoding, 0);
		ret->action = hi_encoded_uleb(in);
		if (at < start)
			return false;
		if (at - start < covers)
			return !in->failed;
	}
	return false;
}

/* A chain of handlers, each with the way to the next; a cleanup is number 0. */
static bool has_cleanup(struct hi_encoded *in, const struct call_site *site)
{
	uint64_t action_link = site->actions_link + site->action - 1;

	for (int i = 0; i < ACTIONS_MAX; i++) {
		uint64_t place;
		int64_t filter, step;

		hi_encoded_seek(in, action_link);
		filter = hi_encoded_sleb(in);
		place = hi_encoded_get_place(in);
		step = hi_encoded_sleb(in);
		if (in->failed)
			return false;
		if (filter == 0)
			return true;
		if (step == 0)
			return false;
		action_link = place + (uint64_t)step;
	}
	return false;
}

bool hi_cleanup_at(const struct hi_image *image, uint64_t pc_link)
{
	struct function function;
	struct call_site site;
	struct hi_encoded in;
	uint8_t encoding;

	if (!find_function(image, pc_link, &function) || !function.lsda_link)
		return false;
	hi_encoded_init(&in, image, function.lsda_link);
	/* what landing pads count from: only that there is one matters */
	encoding = hi_encoded_byte(&in);
	if (encoding != DW_EH_PE_omit)
		(void)hi_encoded_pointer(&in, encoding, function.start_link);
	/* where the types are */
	if (hi_encoded_byte(&in) != DW_EH_PE_omit)
		(void)hi_encoded_uleb(&in);
	return find_call_site(&in, &function, pc_link, &site) && site.pad &&
	       (site.action == 0 || has_cleanup(&in, &site));
}
