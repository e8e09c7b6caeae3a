#include "preload/dlsym.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#include "preload/shim.h"

typedef void *dlsym_function(void *handle, const char *name);
typedef void *dlvsym_function(void *handle, const char *name,
			      const char *version);

/* Jumped through by the assembly. */
__attribute__((visibility("hidden"))) dlsym_function *hi_dlsym_real;
__attribute__((visibility("hidden"))) dlvsym_function *hi_dlvsym_real;

struct symbols { /* the dynamic symbols of one loaded object */
	uintptr_t base;
	const ElfW(Sym) *symtab;
	const char *strtab;
	const uint32_t *gnu_hash;
	const ElfW(Half) *versym;
};

/*
 * The first look-up may be that of a sanitizer's runtime, which stands before the
 * C library and has not found the real string functions yet: none is called here.
 */
static bool is_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const char *find_base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

/* ld.so has already relocated the addresses in most dynamic sections; an
   address below the load base was left alone (RISC-V, the vDSO). */
static uintptr_t dyn_address(const struct link_map *map, uintptr_t value)
{
	return value < map->l_addr ? map->l_addr + value : value;
}

static int read_symbols(const struct link_map *map, struct symbols *out)
{
	*out = (struct symbols){ .base = map->l_addr };
	for (const ElfW(Dyn) *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		uintptr_t at = dyn_address(map, dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			out->symtab = (const void *)at;
		else if (dyn->d_tag == DT_STRTAB)
			out->strtab = (const void *)at;
		else if (dyn->d_tag == DT_GNU_HASH)
			out->gnu_hash = (const void *)at;
		else if (dyn->d_tag == DT_VERSYM)
			out->versym = (const void *)at;
	}
	return out->symtab && out->strtab && out->gnu_hash;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* The default version of NAME (bit 15 of versym marks the others). */
static void *find_symbol(const struct symbols *in, const char *name)
{
	uint32_t hash = gnu_hash(name);
	uint32_t n_buckets = in->gnu_hash[0];
	uint32_t first = in->gnu_hash[1];
	uint32_t bloom_words = in->gnu_hash[2];
	const uint32_t *buckets = in->gnu_hash + 4 + bloom_words * 2UL;
	const uint32_t *chains = buckets + n_buckets;
	uint32_t i;

	if (n_buckets == 0 || (i = buckets[hash % n_buckets]) < first)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *sym = &in->symtab[i];
		uint32_t entry = chains[i - first];

		if ((entry | 1) == (hash | 1) && sym->st_shndx != SHN_UNDEF &&
		    is_same(in->strtab + sym->st_name, name) &&
		    !(in->versym && (in->versym[i] & 0x8000)))
			return (void *)(in->base + sym->st_value);
		if (entry & 1)
			return NULL;
	}
}

/*
 * The shim's own reference to dlsym would bind to the shim, so the C library's
 * symbol table is read: libc.so.6, or libdl.so.2 before glibc 2.34.
 */
void hi_dlsym_init(void)
{
	if (hi_dlsym_real)
		return;
	for (const struct link_map *map = _r_debug.r_map; map;
	     map = map->l_next) {
		const char *base = find_base_name(map->l_name);
		struct symbols symbols;

		if (!is_same(base, "libc.so.6") && !is_same(base, "libdl.so.2"))
			continue;
		if (!read_symbols(map, &symbols))
			continue;
		void *dlsym_at = find_symbol(&symbols, "dlsym");
		void *dlvsym_at = find_symbol(&symbols, "dlvsym");

		if (dlsym_at && dlvsym_at) {
			hi_dlvsym_real = (dlvsym_function *)dlvsym_at;
			hi_dlsym_real = (dlsym_function *)dlsym_at;
			return;
		}
	}
}

/* Whether ADDRESS is in the program itself. */
static bool is_program(uintptr_t address)
{
	const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
	uintptr_t at = address - _r_debug.r_map->l_addr;

	for (size_t i = 0; i < getauxval(AT_PHNUM); i++)
		if (phdr[i].p_type == PT_LOAD &&
		    at - phdr[i].p_vaddr < phdr[i].p_memsz)
			return true;
	return false;
}

/*
 * Called by the assembly when there are answers. Returns what dlsym() is to
 * give, or NULL to pass the look-up on. What is next to the program is next to the shim,
 * which is preloaded first; to others it may be something else.
 */
__attribute__((visibility("hidden"))) void *hi_dlsym_answer(void *handle,
							    const char *name,
							    const char *version,
							    uintptr_t caller)
{
	const struct hi_shim_answer *answers =
		(const void *)(uintptr_t)hi_shim.answers_remote;

	if (!name || (handle == RTLD_NEXT && !is_program(caller)))
		return NULL;
	for (uint64_t i = 0; i < hi_shim.n_answers; i++) {
		const struct hi_shim_answer *answer = &answers[i];
		const char *candidate =
			(const char *)(uintptr_t)answer->name_remote;
		void *real;

		if (strcmp(candidate, name) != 0)
			continue;
		real = version ? hi_dlvsym_real(handle, name, version) :
				 hi_dlsym_real(handle, name);
		if ((uintptr_t)real == answer->entry_remote)
			return (void *)(uintptr_t)answer->trampoline_remote;
	}
	return NULL;
}
