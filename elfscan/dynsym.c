#include "elfscan/dynsym.h"

#include <stdlib.h>

#include "elfscan/image_parts.h"

#define VERSION_HIDDEN 0x8000
/* version indexes have 15 bits; a longer chain goes in circles */
#define VERSIONS_MAX 0x8000

static uint64_t get_value(const struct hi_image *image, int64_t tag)
{
	struct hi_image_dyn dyn;

	return hi_image_find_dyn(image, tag, &dyn) ? dyn.value : 0;
}

static uint32_t read_word(const uint8_t *bytes, size_t at)
{
	uint32_t word;

	memcpy(&word, bytes + 4 * at, sizeof(word));
	return word;
}

static int refuse(const struct hi_image *image, const char *wrong,
		  struct hi_err *err)
{
	return hi_fail(err, HI_E_BADELF, "%s: %s", image->name, wrong);
}

/* The number of symbols as DT_HASH counts them: nchain. */
static int count_sysv_hash(const struct hi_image *image, uint64_t addr_link,
			   size_t *ret_n, struct hi_err *err)
{
	const uint8_t *bytes = hi_image_find_bytes(image, addr_link, 8);
	uint64_t n_buckets, n_chain, n_words;

	if (!bytes)
		return refuse(image, "the hash table lies outside the file",
			      err);
	n_buckets = read_word(bytes, 0);
	n_chain = read_word(bytes, 1);
	n_words = 2 + n_buckets + n_chain;
	if (!n_buckets || !hi_image_find_bytes(image, addr_link, 4 * n_words))
		return refuse(image, "the hash table lies outside the file",
			      err);
	for (size_t i = 2; i < n_words; i++) {
		if (read_word(bytes, i) >= n_chain)
			return refuse(image,
				      "the hash table names a symbol that is "
				      "out of range",
				      err);
	}
	*ret_n = n_chain;
	return 0;
}

/*
 * DT_GNU_HASH has no count: its last symbol ends the chain of the bucket that
 * starts last. Header of four words (buckets, first symbol, Bloom words, shift),
 * Bloom filter, buckets, then one word per symbol from the first on; an odd word
 * ends a chain.
 */
static int count_gnu_hash(const struct hi_image *image, uint64_t addr_link,
			  size_t *ret_n, struct hi_err *err)
{
	const char *outside = "the GNU hash table lies outside the file";
	const uint8_t *bytes = hi_image_find_bytes(image, addr_link, 16);
	uint64_t n_buckets, first, bloom, last = 0, at;

	if (!bytes)
		return refuse(image, outside, err);
	n_buckets = read_word(bytes, 0);
	first = read_word(bytes, 1);
	bloom = read_word(bytes, 2);
	/* ld.so takes the Bloom size as a mask and divides by the buckets */
	if (!n_buckets || !bloom || bloom & (bloom - 1))
		return refuse(image, "the GNU hash table is malformed", err);
	at = 16 + 8 * bloom;
	if (!hi_image_find_bytes(image, addr_link, at + 4 * n_buckets))
		return refuse(image, outside, err);
	for (size_t i = 0; i < n_buckets; i++) {
		uint64_t bucket = read_word(bytes + at, i);

		if (bucket && bucket < first)
			return refuse(image, "the GNU hash table is malformed",
				      err);
		if (bucket > last)
			last = bucket;
	}
	if (!last) {
		*ret_n = first;
		return 0;
	}
	at += 4 * n_buckets;
	while (true) {
		uint64_t word_at = at + 4 * (last - first);

		if (!hi_image_find_bytes(image, addr_link, word_at + 4))
			return refuse(image, outside, err);
		last++;
		if (read_word(bytes + word_at, 0) & 1)
			break;
	}
	*ret_n = last;
	return 0;
}

/* The largest symbol index of a relocation table, for files that have neither
   section headers nor a usable hash table. */
static size_t count_rela(const struct hi_image *image, int64_t tag,
			 int64_t len_tag)
{
	uint64_t len = get_value(image, len_tag);
	const uint8_t *bytes;
	size_t n = 0;

	bytes = hi_image_find_bytes(image, get_value(image, tag), len);
	if (!bytes)
		return 0;
	for (size_t at = 0; at + sizeof(Elf64_Rela) <= len;
	     at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, bytes + at, sizeof(rela));
		if (ELF64_R_SYM(rela.r_info) >= n)
			n = ELF64_R_SYM(rela.r_info) + 1;
	}
	return n;
}

static int count_hashed(const struct hi_image *image, size_t *ret_n,
			struct hi_err *err)
{
	struct hi_image_dyn dyn;
	size_t n = 0, n_gnu = 0;
	int code = 0;

	if (hi_image_find_dyn(image, DT_HASH, &dyn))
		code = count_sysv_hash(image, dyn.value, &n, err);
	if (code >= 0 && hi_image_find_dyn(image, DT_GNU_HASH, &dyn))
		code = count_gnu_hash(image, dyn.value, &n_gnu, err);
	*ret_n = n > n_gnu ? n : n_gnu;
	return code;
}

static int count_symbols(const struct hi_image *image, size_t *ret_n,
			 struct hi_err *err)
{
	uint64_t addr_link = get_value(image, DT_SYMTAB);
	size_t n, n_rela;
	int code = count_hashed(image, &n, err);

	if (code < 0)
		return code;
	for (size_t i = 1; i < image->n_shdrs; i++) {
		const Elf64_Shdr *shdr = &image->shdrs[i];

		if (shdr->sh_type != SHT_DYNSYM || shdr->sh_addr != addr_link)
			continue;
		*ret_n = shdr->sh_size / sizeof(Elf64_Sym);
		/* an empty GNU hash table may start behind the last symbol */
		if (n > *ret_n + 1)
			return refuse(image,
				      "the hash table names a symbol that is "
				      "out of range",
				      err);
		return 0;
	}
	n_rela = count_rela(image, DT_RELA, DT_RELASZ);
	n = n > n_rela ? n : n_rela;
	n_rela = count_rela(image, DT_JMPREL, DT_PLTRELSZ);
	*ret_n = n > n_rela ? n : n_rela;
	return 0;
}

static int read_symbols(const struct hi_image *image, struct hi_dynsym *dynsym,
			struct hi_err *err)
{
	struct hi_image_dyn dyn;
	int code;

	if (!hi_image_find_dyn(image, DT_SYMTAB, &dyn))
		return refuse(image, "there is no dynamic symbol table", err);
	if (get_value(image, DT_SYMENT) != sizeof(Elf64_Sym))
		return refuse(image, "the dynamic symbols have an unknown size",
			      err);
	code = count_symbols(image, &dynsym->n, err);
	if (code < 0)
		return code;
	dynsym->symbols = hi_image_find_bytes(image, dyn.value,
					      dynsym->n * sizeof(Elf64_Sym));
	if (!dynsym->symbols)
		return refuse(image,
			      "the dynamic symbol table lies outside the file",
			      err);
	dynsym->strings = image->strings;
	for (size_t i = 0; i < dynsym->n; i++) {
		if (hi_dynsym_get(dynsym, i).st_name >= image->strings_len)
			return hi_fail(err, HI_E_BADELF,
				       "%s: the name of dynamic symbol %zu is "
				       "out of range",
				       image->name, i);
	}
	return 0;
}

static int set_version(const struct hi_image *image, struct hi_dynsym *dynsym,
		       unsigned index, uint64_t name, struct hi_err *err)
{
	size_t n = (index & ~VERSION_HIDDEN) + 1;
	const char **versions;

	if (name >= image->strings_len)
		return refuse(image, "a version's name is out of range", err);
	index &= ~VERSION_HIDDEN;
	if (n > dynsym->n_versions) {
		versions = realloc(dynsym->versions, n * sizeof(*versions));
		if (!versions)
			return hi_fail(err, HI_E_NOMEM, "%s: out of memory",
				       image->name);
		for (size_t i = dynsym->n_versions; i < n; i++)
			versions[i] = NULL;
		dynsym->versions = versions;
		dynsym->n_versions = n;
	}
	dynsym->versions[index] = image->strings + name;
	return 0;
}

static int read_defined(const struct hi_image *image, struct hi_dynsym *dynsym,
			struct hi_err *err)
{
	uint64_t at = get_value(image, DT_VERDEF);
	uint64_t n = get_value(image, DT_VERDEFNUM);

	for (uint64_t i = 0; at && i < n && i < VERSIONS_MAX; i++) {
		const uint8_t *bytes;
		Elf64_Verdaux aux;
		Elf64_Verdef def;
		int code = 0;

		bytes = hi_image_find_bytes(image, at, sizeof(def));
		if (bytes)
			memcpy(&def, bytes, sizeof(def));
		bytes = bytes ? hi_image_find_bytes(image, at + def.vd_aux,
						    sizeof(aux)) :
				NULL;
		if (!bytes)
			return refuse(image,
				      "the version definitions lie outside the "
				      "file",
				      err);
		memcpy(&aux, bytes, sizeof(aux));
		/* the base definition names the file, not a version */
		if (!(def.vd_flags & VER_FLG_BASE))
			code = set_version(image, dynsym, def.vd_ndx,
					   aux.vda_name, err);
		if (code < 0)
			return code;
		if (!def.vd_next)
			break;
		at += def.vd_next;
	}
	return 0;
}

static int read_needed_file(const struct hi_image *image,
			    struct hi_dynsym *dynsym, uint64_t at,
			    size_t *budget, struct hi_err *err)
{
	while (true) {
		Elf64_Vernaux aux;
		const uint8_t *bytes;
		int code;

		if (!(*budget)--)
			return refuse(image, "too many versions are needed",
				      err);
		bytes = hi_image_find_bytes(image, at, sizeof(aux));
		if (!bytes)
			return refuse(
				image,
				"the needed versions lie outside the file",
				err);
		memcpy(&aux, bytes, sizeof(aux));
		code = set_version(image, dynsym, aux.vna_other, aux.vna_name,
				   err);
		if (code < 0)
			return code;
		if (!aux.vna_next)
			break;
		at += aux.vna_next;
	}
	return 0;
}

static int read_needed(const struct hi_image *image, struct hi_dynsym *dynsym,
		       struct hi_err *err)
{
	uint64_t at = get_value(image, DT_VERNEED);
	uint64_t n = get_value(image, DT_VERNEEDNUM);
	size_t budget = VERSIONS_MAX;

	for (uint64_t i = 0; at && i < n && i < VERSIONS_MAX; i++) {
		const uint8_t *bytes;
		Elf64_Verneed need;
		int code;

		bytes = hi_image_find_bytes(image, at, sizeof(need));
		if (!bytes)
			return refuse(
				image,
				"the needed versions lie outside the file",
				err);
		memcpy(&need, bytes, sizeof(need));
		code = need.vn_cnt ?
			       read_needed_file(image, dynsym, at + need.vn_aux,
						&budget, err) :
			       0;
		if (code < 0)
			return code;
		if (!need.vn_next)
			break;
		at += need.vn_next;
	}
	return 0;
}

static int read_versions(const struct hi_image *image, struct hi_dynsym *dynsym,
			 struct hi_err *err)
{
	struct hi_image_dyn dyn;
	int code = read_defined(image, dynsym, err);

	dynsym->n_defined = dynsym->n_versions;
	if (code >= 0)
		code = read_needed(image, dynsym, err);
	if (code < 0 || !hi_image_find_dyn(image, DT_VERSYM, &dyn))
		return code;
	dynsym->versym = hi_image_find_bytes(image, dyn.value,
					     dynsym->n * sizeof(Elf64_Versym));
	if (!dynsym->versym)
		return refuse(image,
			      "the table of symbol versions lies outside the "
			      "file",
			      err);
	return 0;
}

int hi_dynsym_read(const struct hi_image *image, struct hi_dynsym *ret_dynsym,
		   struct hi_err *err)
{
	struct hi_dynsym dynsym = { 0 };
	int code = read_symbols(image, &dynsym, err);

	if (code >= 0)
		code = read_versions(image, &dynsym, err);
	if (code < 0) {
		hi_dynsym_done(&dynsym);
		return code;
	}
	*ret_dynsym = dynsym;
	return 0;
}

void hi_dynsym_done(struct hi_dynsym *dynsym)
{
	free(dynsym->versions);
	*dynsym = (struct hi_dynsym){ 0 };
}

Elf64_Sym hi_dynsym_get(const struct hi_dynsym *dynsym, size_t at)
{
	Elf64_Sym symbol;

	memcpy(&symbol, dynsym->symbols + at * sizeof(symbol), sizeof(symbol));
	return symbol;
}

const char *hi_dynsym_get_name(const struct hi_dynsym *dynsym, size_t at)
{
	return dynsym->strings + hi_dynsym_get(dynsym, at).st_name;
}

const char *hi_dynsym_get_version(const struct hi_dynsym *dynsym, size_t at,
				  bool *ret_default)
{
	Elf64_Versym versym = VER_NDX_GLOBAL;
	unsigned index;

	if (dynsym->versym)
		memcpy(&versym, dynsym->versym + at * sizeof(versym),
		       sizeof(versym));
	index = versym & ~VERSION_HIDDEN;
	*ret_default = !(versym & VERSION_HIDDEN);
	if (index >= dynsym->n_versions || !dynsym->versions[index])
		return "";
	return dynsym->versions[index];
}
