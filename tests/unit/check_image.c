#include "elfscan/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/reloc.h"
#include "elfscan/symtab.h"
#include "tests/unit/fixture.h"

static const char source[] =
	"#include <stdio.h>\n"
	"int counter = 3; int zeroed[20]; static int local = 4;\n"
	"__thread int tls = 5;\n"
	"const int table[4] = { 1, 2, 3, 4 };\n"
	"int *const pointers[2] = { &counter, &local };\n"
	"__attribute__((section(\"settings\"))) int own = 7;\n"
	"int update(int a) { printf(\"%d\", a); tls++; return a + local++; }\n";

static struct hi_image *open_whole(const char *path)
{
	struct hi_image *image = NULL;
	struct hi_err err = { .sentence = "" };

	ck_assert_msg(!hi_image_open(path, &image, &err), "%s", err.sentence);
	ck_assert_ptr_nonnull(image);
	return image;
}

/* Opening PATH fails with CODE and a sentence that starts with SENTENCE. */
static void assert_refused(const char *path, int code, const char *sentence)
{
	struct hi_image *image = NULL;
	struct hi_err err;

	ck_assert_int_eq(hi_image_open(path, &image, &err), code);
	ck_assert_ptr_null(image);
	ck_assert_int_eq(err.code, code);
	if (strncmp(err.sentence, sentence, strlen(sentence)) != 0)
		ck_assert_str_eq(err.sentence, sentence);
}

static struct hi_range section(const struct hi_image *image, const char *name)
{
	GElf_Shdr shdr;

	ck_assert_msg(hi_image_find_section(image, name, &shdr), "no %s", name);
	return (struct hi_range){ shdr.sh_addr, shdr.sh_addr + shdr.sh_size };
}

static enum hi_data_kind kind_of(const struct hi_image *image, const char *name)
{
	struct hi_range range = section(image, name);
	enum hi_data_kind kind = hi_image_get_data_kind(image, range.start);

	ck_assert_int_eq(hi_image_get_data_kind(image, range.end - 1), kind);
	return kind;
}

START_TEST(a_library_opens_and_says_what_it_is)
{
	const struct hi_image_header *header;
	struct hi_image *image;
	struct hi_image_dyn dyn;
	struct hi_fixture fx;
	const uint8_t *file;
	size_t len;

	hi_fixture_init(&fx);
	image = open_whole(hi_fixture_library(
		&fx, "libworker.so",
		"gcc -O2 -Wl,-soname,libw.so.1,-z,now,-z,relro,--build-id "
		"-Wl,--enable-new-dtags,-rpath,/opt/w",
		source));
	header = hi_image_get_header(image);
	ck_assert_int_eq(header->type, ET_DYN);
	ck_assert_str_eq(header->soname, "libw.so.1");
	ck_assert_str_eq(header->needed[0], "libc.so.6");
	ck_assert_str_eq(header->runpath, "/opt/w");
	ck_assert_uint_eq(header->build_id_len, 20);
	ck_assert(header->bind_now);
	ck_assert(!header->symbolic);
	ck_assert(!header->textrel);
	ck_assert(header->has_section_headers);
	ck_assert(header->has_symtab);
	ck_assert_ptr_nonnull(header->tls);
	ck_assert_uint_eq(header->relro.end % 4096, 0);
	ck_assert_uint_lt(header->relro.start, header->relro.end);
	ck_assert_uint_eq(header->load_start_link, 0);
	ck_assert_uint_ge(header->span_link, section(image, ".bss").end);
	file = hi_image_get_file(image, &len);
	ck_assert(hi_image_find_dyn(image, DT_SONAME, &dyn));
	ck_assert_mem_eq(file + dyn.file_offset, &dyn.tag, 8);
	ck_assert_mem_eq(file + dyn.file_offset + 8, &dyn.value, 8);
	ck_assert(!hi_image_find_dyn(image, DT_PREINIT_ARRAY, NULL));
	ck_assert_int_eq(elf_kind(hi_image_get_elf(image)), ELF_K_ELF);
	hi_image_free(image);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(memory_is_told_apart_by_section)
{
	struct hi_fixture fx;
	struct hi_image *image;

	hi_fixture_init(&fx);
	image = open_whole(hi_fixture_library(&fx, "liba.so",
					      "gcc -O2 -Wl,-z,now", source));
	ck_assert_int_eq(kind_of(image, ".text"), HI_DATA_NONE);
	ck_assert_int_eq(kind_of(image, ".rodata"), HI_DATA_READONLY);
	ck_assert_int_eq(kind_of(image, ".data.rel.ro"), HI_DATA_RELRO);
	ck_assert_int_eq(kind_of(image, ".dynamic"), HI_DATA_RELRO);
	ck_assert_int_eq(kind_of(image, ".got"), HI_DATA_RELRO);
	ck_assert_int_eq(kind_of(image, ".data"), HI_DATA_STATE);
	ck_assert_int_eq(kind_of(image, ".bss"), HI_DATA_STATE);
	ck_assert_int_eq(kind_of(image, "settings"), HI_DATA_STATE);
	ck_assert_int_eq(hi_image_get_data_kind(image, 1 << 30), HI_DATA_NONE);
	hi_image_free(image);

	image = open_whole(hi_fixture_library(
		&fx, "libb.so", "gcc -O2 -Wl,-z,norelro,-z,lazy", source));
	ck_assert_uint_eq(hi_image_get_header(image)->relro.end, 0);
	ck_assert(!hi_image_get_header(image)->bind_now);
	ck_assert_int_eq(kind_of(image, ".got"), HI_DATA_GOT);
	ck_assert_int_eq(kind_of(image, ".got.plt"), HI_DATA_GOT);
	ck_assert_int_eq(kind_of(image, ".dynamic"), HI_DATA_GOT);
	ck_assert_int_eq(kind_of(image, ".init_array"), HI_DATA_GOT);
	ck_assert_int_eq(kind_of(image, ".data.rel.ro"), HI_DATA_GOT);
	ck_assert_int_eq(kind_of(image, ".bss"), HI_DATA_STATE);
	hi_image_free(image);
	hi_fixture_done(&fx);
}
END_TEST

static bool ranges_hold(const struct hi_range *ranges, size_t n,
			struct hi_range range)
{
	for (size_t i = 0; i < n; i++) {
		ck_assert(!i || ranges[i - 1].end < ranges[i].start);
		if (range.start >= ranges[i].start &&
		    range.end <= ranges[i].end)
			return true;
	}
	return false;
}

START_TEST(ranges_of_state_and_text_are_sorted_and_complete)
{
	const struct hi_range *ranges;
	struct hi_fixture fx;
	struct hi_image *image;
	size_t n;

	hi_fixture_init(&fx);
	image = open_whole(
		hi_fixture_library(&fx, "libworker.so", "gcc -O2", source));
	ranges = hi_image_get_state_ranges(image, &n);
	ck_assert(ranges_hold(ranges, n, section(image, ".data")));
	ck_assert(ranges_hold(ranges, n, section(image, ".bss")));
	ck_assert(ranges_hold(ranges, n, section(image, "settings")));
	ck_assert(!ranges_hold(ranges, n, section(image, ".got")));
	ck_assert(!ranges_hold(ranges, n, section(image, ".tdata")));
	ranges = hi_image_get_text_ranges(image, &n);
	ck_assert(ranges_hold(ranges, n, section(image, ".text")));
	ck_assert(ranges_hold(ranges, n, section(image, ".init")));
	ck_assert(!ranges_hold(ranges, n, section(image, ".rodata")));
	hi_image_free(image);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(bytes_are_found_only_where_the_file_has_them)
{
	struct hi_range data, bss, thread;
	struct hi_fixture fx;
	struct hi_image *image;
	const uint8_t *bytes;
	GElf_Shdr shdr;
	size_t len;

	hi_fixture_init(&fx);
	image = open_whole(
		hi_fixture_library(&fx, "libworker.so", "gcc -O2", source));
	data = section(image, ".data");
	bss = section(image, ".bss");
	thread = section(image, ".tdata");
	ck_assert(hi_image_find_section(image, ".data", &shdr));
	bytes = hi_image_get_file(image, &len);
	ck_assert_ptr_eq(hi_image_find_bytes(image, data.start, 4),
			 bytes + shdr.sh_offset);
	ck_assert_ptr_null(hi_image_find_bytes(image, bss.end - 8, 8));
	ck_assert_ptr_null(hi_image_find_bytes(image, data.start, SIZE_MAX));
	ck_assert_ptr_null(hi_image_find_bytes(image, UINT64_MAX - 3, 8));
	ck_assert_str_eq(hi_image_find_section_at(image, bss.start, &shdr),
			 ".bss");
	ck_assert_uint_eq(shdr.sh_addr, bss.start);
	ck_assert_ptr_null(hi_image_find_section_at(image, bss.end + 64, NULL));
	ck_assert_ptr_null(hi_image_find_section_at(image, thread.start, NULL));
	ck_assert(!hi_image_find_section(image, ".nothing", NULL));
	hi_image_free(image);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_library_cut_anywhere_is_called_cut)
{
	char expected[128];
	unsigned char *bytes;
	struct hi_fixture fx;
	Elf64_Ehdr ehdr;
	size_t len;

	hi_fixture_init(&fx);
	bytes = hi_fixture_read(hi_fixture_library(&fx, "whole.so",
						   "gcc -O2 -g", source),
				&len);
	memcpy(&ehdr, bytes, sizeof(ehdr));
	for (size_t at = 512; at < len; at += 512) {
		snprintf(expected, sizeof(expected),
			 "libworker.so ends at byte %zu, %s its section "
			 "headers at %zu",
			 at, at <= ehdr.e_shoff ? "before" : "inside",
			 (size_t)ehdr.e_shoff);
		assert_refused(hi_fixture_write_bytes(&fx, "libworker.so",
						      bytes, at),
			       HI_E_CUT, expected);
	}
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", bytes, len - 1),
		       HI_E_CUT, "a.so ends at byte ");
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", bytes, 40), HI_E_CUT,
		       "a.so ends at byte 40, inside its ELF header");
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", bytes, 2), HI_E_CUT,
		       "a.so ends at byte 2, inside its ELF header");
	hi_image_free(open_whole(
		hi_fixture_write_bytes(&fx, "libworker.so", bytes, len)));
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_file_that_is_still_being_written_is_called_cut)
{
	unsigned char *bytes, *copy;
	struct hi_fixture fx;
	Elf64_Ehdr ehdr;
	size_t len;

	hi_fixture_init(&fx);
	bytes = hi_fixture_read(
		hi_fixture_library(&fx, "whole.so", "gcc -O2", source), &len);
	copy = malloc(len);
	memcpy(&ehdr, bytes, sizeof(ehdr));
	assert_refused(hi_fixture_write(&fx, "a.so", ""), HI_E_CUT,
		       "a.so is empty");
	memcpy(copy, bytes, len);
	memset(copy, 0, 4096);
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", copy, len), HI_E_CUT,
		       "a.so is all zeros at its start, it is still being "
		       "written");
	memcpy(copy, bytes, len);
	memset(copy + ehdr.e_shoff, 0, len - ehdr.e_shoff);
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", copy, len), HI_E_CUT,
		       "a.so has section headers of zeros, it is still being "
		       "written");
	memcpy(copy, bytes, len);
	memset(copy + ehdr.e_phoff, 0, ehdr.e_phnum * 56UL);
	assert_refused(hi_fixture_write_bytes(&fx, "a.so", copy, len), HI_E_CUT,
		       "a.so has program headers of zeros, it is still being "
		       "written");
	free(copy);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(what_is_no_elf_file_is_shown)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	assert_refused(hi_fixture_write(&fx, "a.so", "/* GNU ld script */\n"),
		       HI_E_BADELF,
		       "a.so is not an ELF file: it starts with "
		       "'/* GNU ld script'");
	assert_refused(hi_fixture_write(&fx, "a.so", "\1\2\3\4\5"), HI_E_BADELF,
		       "a.so is not an ELF file: it starts with bytes 01 02 "
		       "03 04");
	assert_refused(hi_fixture_path(&fx, "b.so"), HI_E_SYS,
		       "b.so cannot be opened: No such file or directory");
	hi_fixture_run(&fx, "mkdir folder.so");
	assert_refused(hi_fixture_path(&fx, "folder.so"), HI_E_BADELF,
		       "folder.so is not a regular file");
	hi_fixture_done(&fx);
}
END_TEST

/* A copy of BYTES with the 16-bit word AT replaced. */
static const char *write_changed(struct hi_fixture *fx,
				 const unsigned char *bytes, size_t len,
				 size_t at, unsigned value)
{
	unsigned char *copy = malloc(len);
	const char *path;

	memcpy(copy, bytes, len);
	copy[at] = value;
	copy[at + 1] = value >> 8;
	path = hi_fixture_write_bytes(fx, "a.so", copy, len);
	free(copy);
	return path;
}

START_TEST(another_machine_or_system_is_named)
{
	unsigned char *bytes;
	struct hi_fixture fx;
	size_t len;

	hi_fixture_init(&fx);
	bytes = hi_fixture_read(
		hi_fixture_library(&fx, "whole.so", "gcc -O2", source), &len);
	assert_refused(write_changed(&fx, bytes, len, 18, EM_386), HI_E_FOREIGN,
		       "a.so is for x86 (32 bit), not x86-64");
	assert_refused(write_changed(&fx, bytes, len, 18, EM_AARCH64),
		       HI_E_FOREIGN, "a.so is for AArch64, not x86-64");
	assert_refused(write_changed(&fx, bytes, len, 18, 4711), HI_E_FOREIGN,
		       "a.so is for machine 4711, not x86-64");
	assert_refused(write_changed(&fx, bytes, len, 4, 0x101), HI_E_FOREIGN,
		       "a.so is for x32 (32 bit pointers), not x86-64");
	assert_refused(write_changed(&fx, bytes, len, 7, ELFOSABI_FREEBSD),
		       HI_E_FOREIGN,
		       "a.so is for another system (OS ABI 9), not Linux");
	assert_refused(write_changed(&fx, bytes, len, 16, ET_CORE),
		       HI_E_FOREIGN,
		       "a.so is a core dump, not a shared library");
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_program_is_no_worker_but_a_library_that_runs_is)
{
	static const char not_a_library[] =
		"a.so is an executable, not a shared library";
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	hi_fixture_write(&fx, "a.c", "int main(void) { return 0; }\n");
	hi_fixture_run(&fx, "gcc -no-pie -o a.so a.c");
	assert_refused(hi_fixture_path(&fx, "a.so"), HI_E_FOREIGN,
		       not_a_library);
	hi_fixture_run(&fx, "gcc -pie -o a.so a.c");
	assert_refused(hi_fixture_path(&fx, "a.so"), HI_E_FOREIGN,
		       not_a_library);
	hi_fixture_run(&fx, "gcc -c -o a.so a.c");
	assert_refused(hi_fixture_path(&fx, "a.so"), HI_E_FOREIGN,
		       "a.so is an object file, not a shared library");
	hi_fixture_run(&fx, "gcc -shared -fPIC -o a.so a.c "
			    "-Wl,-dynamic-linker,/lib64/ld-linux-x86-64.so.2");
	hi_image_free(open_whole(hi_fixture_path(&fx, "a.so")));
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_file_of_debug_information_is_called_that)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	hi_fixture_library(&fx, "libworker.so", "gcc -O2 -g", source);
	hi_fixture_run(&fx, "objcopy --only-keep-debug libworker.so a.so");
	assert_refused(hi_fixture_path(&fx, "a.so"), HI_E_BADELF,
		       "a.so holds only debug information, no code");
	hi_fixture_done(&fx);
}
END_TEST

/* The file offset of the first program header of TYPE. */
static size_t find_phdr(const unsigned char *bytes, uint32_t type)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;

	memcpy(&ehdr, bytes, sizeof(ehdr));
	for (size_t i = 0; i < ehdr.e_phnum; i++) {
		size_t at = ehdr.e_phoff + i * sizeof(phdr);

		memcpy(&phdr, bytes + at, sizeof(phdr));
		if (phdr.p_type == type)
			return at;
	}
	ck_abort_msg("no program header of type %u", type);
	return 0;
}

START_TEST(a_library_without_a_dynamic_section_is_refused)
{
	unsigned char *bytes;
	struct hi_fixture fx;
	size_t len;

	hi_fixture_init(&fx);
	bytes = hi_fixture_read(
		hi_fixture_library(&fx, "whole.so", "gcc -O2", source), &len);
	assert_refused(write_changed(&fx, bytes, len,
				     find_phdr(bytes, PT_DYNAMIC), PT_NULL),
		       HI_E_BADELF, "a.so: there is no dynamic section");
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_library_stripped_of_section_headers_opens)
{
	struct hi_image *whole, *image;
	const struct hi_range *ranges;
	unsigned char *bytes;
	struct hi_fixture fx;
	Elf64_Ehdr ehdr;
	const char *path;
	size_t len, n;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "whole.so", "gcc -O2 -Wl,-z,lazy",
				  source);
	whole = open_whole(path);
	bytes = hi_fixture_read(path, &len);
	memcpy(&ehdr, bytes, sizeof(ehdr));
	len = ehdr.e_shoff;
	ehdr.e_shoff = ehdr.e_shnum = ehdr.e_shstrndx = 0;
	memcpy(bytes, &ehdr, sizeof(ehdr));
	image = open_whole(hi_fixture_write_bytes(&fx, "a.so", bytes, len));
	ck_assert(!hi_image_get_header(image)->has_section_headers);
	ck_assert(!hi_image_get_header(image)->has_symtab);
	ranges = hi_image_get_state_ranges(image, &n);
	ck_assert(ranges_hold(ranges, n, section(whole, ".data")));
	ck_assert(ranges_hold(ranges, n, section(whole, ".bss")));
	ck_assert(!ranges_hold(ranges, n, section(whole, ".dynamic")));
	ck_assert(!ranges_hold(ranges, n, section(whole, ".got")));
	ck_assert(!ranges_hold(ranges, n, section(whole, ".got.plt")));
	ck_assert_int_eq(hi_image_get_data_kind(image,
						section(whole, ".data").start),
			 HI_DATA_STATE);
	ck_assert_int_eq(hi_image_get_data_kind(
				 image, section(whole, ".got.plt").end - 8),
			 HI_DATA_GOT);
	ranges = hi_image_get_text_ranges(image, &n);
	ck_assert(ranges_hold(ranges, n, section(whole, ".text")));
	hi_image_free(image);
	hi_image_free(whole);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

/* Open PATH and read all of it; whatever happens, nothing may crash. */
static bool read_everything(const char *path)
{
	struct hi_symtab *symtab;
	struct hi_reloc *relocs;
	struct hi_image *image;
	struct hi_err err;
	size_t n;

	if (hi_image_open(path, &image, &err) < 0) {
		ck_assert_str_ne(err.sentence, "");
		return false;
	}
	for (uint64_t addr = 0; addr < 0x6000; addr += 40)
		hi_image_get_data_kind(image, addr);
	if (!hi_symtab_new(image, &symtab, &err))
		hi_symtab_free(symtab);
	if (!hi_reloc_read(image, &relocs, &n, &err))
		free(relocs);
	if (!hi_reloc_read_static(image, &relocs, &n, &err))
		free(relocs);
	hi_image_free(image);
	return true;
}

/* Put a few bad values into each word of [START, START + LEN). */
static void damage(struct hi_fixture *fx, unsigned char *bytes, size_t file_len,
		   size_t start, size_t len)
{
	static const uint32_t values[] = { 0, 1, 0x7fffffff, 0xffffffff,
					   0x1008 };

	for (size_t at = start; at + 4 <= start + len; at += 4) {
		uint32_t old;

		memcpy(&old, bytes + at, 4);
		for (size_t i = 0; i < 5; i++) {
			memcpy(bytes + at, &values[i], 4);
			read_everything(hi_fixture_write_bytes(
				fx, "a.so", bytes, file_len));
		}
		memcpy(bytes + at, &old, 4);
	}
	ck_assert(read_everything(
		hi_fixture_write_bytes(fx, "a.so", bytes, file_len)));
}

START_TEST(damage_in_any_header_word_is_survived)
{
	static const char *const tables[] = {
		".dynamic",     ".gnu.hash",      ".dynsym",
		".gnu.version", ".gnu.version_r", ".gnu.version_d",
		".rela.dyn",    ".rela.plt",      ".relr.dyn",
		".symtab",      ".rela.text",
	};
	struct hi_image *image;
	unsigned char *bytes;
	struct hi_fixture fx;
	const char *path;
	Elf64_Ehdr ehdr;
	GElf_Shdr shdr;
	size_t len;

	hi_fixture_init(&fx);
	hi_fixture_write(&fx, "map", "V1 { global: update; };\n");
	path = hi_fixture_library(&fx, "whole.so",
				  "clang -O1 -fuse-ld=lld -nostartfiles "
				  "-Wl,--pack-dyn-relocs=relr,--emit-relocs "
				  "-Wl,--version-script=map,--hash-style=gnu",
				  source);
	image = open_whole(path);
	bytes = hi_fixture_read(path, &len);
	memcpy(&ehdr, bytes, sizeof(ehdr));
	damage(&fx, bytes, len, 0, sizeof(ehdr));
	damage(&fx, bytes, len, ehdr.e_phoff, ehdr.e_phnum * 56UL);
	damage(&fx, bytes, len, ehdr.e_shoff, ehdr.e_shnum * 64UL);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		ck_assert_msg(hi_image_find_section(image, tables[i], &shdr),
			      "no %s", tables[i]);
		damage(&fx, bytes, len, shdr.sh_offset, shdr.sh_size);
	}
	hi_image_free(image);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(indexes_out_of_range_are_named)
{
	struct hi_image *image;
	unsigned char *bytes;
	struct hi_fixture fx;
	const char *path;
	GElf_Shdr shdr;
	size_t len;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "whole.so", "gcc -O2", source);
	image = open_whole(path);
	bytes = hi_fixture_read(path, &len);
	ck_assert(hi_image_find_section(image, ".dynsym", &shdr));
	assert_refused(write_changed(&fx, bytes, len, shdr.sh_offset + 26,
				     0xffff),
		       HI_E_BADELF,
		       "a.so: the name of dynamic symbol 1 is out of range");
	ck_assert(hi_image_find_section(image, ".rela.plt", &shdr));
	assert_refused(write_changed(&fx, bytes, len, shdr.sh_offset + 12,
				     0xffff),
		       HI_E_BADELF,
		       "a.so: relocation 0 of DT_JMPREL names a symbol that "
		       "is out of range");
	assert_refused(write_changed(&fx, bytes, len, shdr.sh_offset + 2,
				     0xffff),
		       HI_E_BADELF,
		       "a.so: relocation 0 of DT_JMPREL is for no loadable "
		       "segment");
	hi_image_free(image);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_library_opens_and_says_what_it_is);
	tcase_add_test(tc, memory_is_told_apart_by_section);
	tcase_add_test(tc, ranges_of_state_and_text_are_sorted_and_complete);
	tcase_add_test(tc, bytes_are_found_only_where_the_file_has_them);
	tcase_add_test(tc, a_library_cut_anywhere_is_called_cut);
	tcase_add_test(tc, a_file_that_is_still_being_written_is_called_cut);
	tcase_add_test(tc, what_is_no_elf_file_is_shown);
	tcase_add_test(tc, another_machine_or_system_is_named);
	tcase_add_test(tc, a_program_is_no_worker_but_a_library_that_runs_is);
	tcase_add_test(tc, a_file_of_debug_information_is_called_that);
	tcase_add_test(tc, a_library_without_a_dynamic_section_is_refused);
	tcase_add_test(tc, a_library_stripped_of_section_headers_opens);
	tcase_add_test(tc, damage_in_any_header_word_is_survived);
	tcase_add_test(tc, indexes_out_of_range_are_named);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
