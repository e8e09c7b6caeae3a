#include "elfscan/reloc.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/fixture.h"

static const char source[] =
	"#include <stdlib.h>\n"
	"int glob = 1; static int local = 2; __thread int tls = 3;\n"
	"int *const to_local[200] = { [0 ... 199] = &local };\n"
	"int *to_glob = &glob + 1;\n"
	"int f(int a) { return a + glob + local + tls; }\n"
	"int update(int a) { return f(a) + abs(a) + (int)random(); }\n";

struct build {
	struct hi_image *image;
	struct hi_reloc *relocs;
	size_t n;
};

static struct build open_build(const char *path)
{
	struct hi_err err = { .sentence = "" };
	struct build build;

	ck_assert_msg(!hi_image_open(path, &build.image, &err), "%s",
		      err.sentence);
	ck_assert_msg(!hi_reloc_read(build.image, &build.relocs, &build.n,
				     &err),
		      "%s", err.sentence);
	for (size_t i = 1; i < build.n; i++)
		ck_assert_uint_le(build.relocs[i - 1].place_link,
				  build.relocs[i].place_link);
	return build;
}

static void close_build(struct build *build)
{
	free(build->relocs);
	hi_image_free(build->image);
}

static const struct hi_reloc *find(const struct build *build, const char *name,
				   uint32_t type)
{
	for (size_t i = 0; i < build->n; i++) {
		if (build->relocs[i].type == type &&
		    !strcmp(build->relocs[i].name, name))
			return &build->relocs[i];
	}
	return NULL;
}

static size_t count(const struct build *build, uint32_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < build->n; i++)
		n += build->relocs[i].type == type;
	return n;
}

static void check_plt(struct hi_fixture *fx, const char *name,
		      const char *compiler)
{
	const struct hi_reloc *reloc;
	struct build build;

	build = open_build(hi_fixture_library(fx, name, compiler, source));
	reloc = find(&build, "update", R_X86_64_JUMP_SLOT);
	ck_assert_ptr_null(reloc);
	reloc = find(&build, "f", R_X86_64_JUMP_SLOT);
	ck_assert_ptr_nonnull(reloc);
	ck_assert(reloc->plt && reloc->defined);
	ck_assert_uint_ne(reloc->sym_link, 0);
	ck_assert_uint_gt(reloc->sym_size, 0);
	ck_assert_int_eq(reloc->sym_type, STT_FUNC);
	ck_assert_int_eq(reloc->sym_bind, STB_GLOBAL);
	ck_assert_str_eq(reloc->version, "");
	reloc = find(&build, "random", R_X86_64_JUMP_SLOT);
	ck_assert_ptr_nonnull(reloc);
	ck_assert(!reloc->defined);
	ck_assert_uint_eq(reloc->sym_link, 0);
	ck_assert_str_eq(reloc->version, "GLIBC_2.2.5");
	close_build(&build);
}

START_TEST(plt_slots_are_read_bound_now_or_lazily)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	check_plt(&fx, "now.so", "gcc -O0 -Wl,-z,now");
	check_plt(&fx, "lazy.so", "gcc -O0 -Wl,-z,lazy");
	check_plt(&fx, "lld.so", "gcc -O0 -fuse-ld=lld");
	check_plt(&fx, "gold.so", "gcc -O0 -fuse-ld=gold");
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(data_and_thread_local_relocations_are_read)
{
	const struct hi_reloc *reloc;
	struct hi_fixture fx;
	struct build build;

	hi_fixture_init(&fx);
	build = open_build(
		hi_fixture_library(&fx, "libworker.so", "gcc -O2", source));
	reloc = find(&build, "glob", R_X86_64_GLOB_DAT);
	ck_assert_ptr_nonnull(reloc);
	ck_assert(reloc->defined && !reloc->plt);
	ck_assert_int_eq(reloc->sym_type, STT_OBJECT);
	ck_assert_uint_eq(reloc->sym_size, 4);
	ck_assert_int_eq(hi_image_get_data_kind(build.image, reloc->sym_link),
			 HI_DATA_STATE);
	reloc = find(&build, "glob", R_X86_64_64);
	ck_assert_ptr_nonnull(reloc);
	ck_assert_int_eq(reloc->addend, 4);
	ck_assert_ptr_nonnull(find(&build, "tls", R_X86_64_DTPMOD64));
	reloc = find(&build, "tls", R_X86_64_DTPOFF64);
	ck_assert_ptr_nonnull(reloc);
	ck_assert_int_eq(reloc->sym_type, STT_TLS);
	reloc = find(&build, "", R_X86_64_RELATIVE);
	ck_assert_ptr_nonnull(reloc);
	ck_assert(!reloc->defined);
	close_build(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(packed_relocations_come_out_as_the_others)
{
	struct build plain, packed;
	struct hi_image_dyn dyn;
	struct hi_fixture fx;
	size_t n_local = 0;

	hi_fixture_init(&fx);
	plain = open_build(hi_fixture_library(
		&fx, "plain.so", "clang -O2 -fuse-ld=lld", source));
	packed = open_build(hi_fixture_library(
		&fx, "packed.so",
		"clang -O2 -fuse-ld=lld -Wl,--pack-dyn-relocs=relr", source));
	ck_assert(!hi_image_find_dyn(plain.image, DT_RELR, &dyn));
	ck_assert(hi_image_find_dyn(packed.image, DT_RELR, &dyn));
	ck_assert_uint_ge(count(&plain, R_X86_64_RELATIVE), 200);
	ck_assert_uint_eq(count(&packed, R_X86_64_RELATIVE),
			  count(&plain, R_X86_64_RELATIVE));
	for (size_t i = 0; i < packed.n; i++) {
		const struct hi_reloc *reloc = &packed.relocs[i];

		n_local +=
			reloc->type == R_X86_64_RELATIVE &&
			hi_image_get_data_kind(packed.image, reloc->addend) ==
				HI_DATA_STATE;
	}
	ck_assert_uint_ge(n_local, 200);
	close_build(&plain);
	close_build(&packed);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(static_relocations_are_read_where_they_were_kept)
{
	struct hi_reloc *relocs = NULL;
	bool to_local = false, to_call = false;
	struct hi_fixture fx;
	struct build build;
	struct hi_err err;
	size_t n = 7;

	hi_fixture_init(&fx);
	build = open_build(
		hi_fixture_library(&fx, "plain.so", "gcc -O2", source));
	ck_assert(!hi_reloc_read_static(build.image, &relocs, &n, &err));
	ck_assert_uint_eq(n, 0);
	free(relocs);
	close_build(&build);

	build = open_build(hi_fixture_library(
		&fx, "kept.so", "gcc -O2 -Wl,--emit-relocs", source));
	ck_assert(!hi_reloc_read_static(build.image, &relocs, &n, &err));
	for (size_t i = 0; i < n; i++) {
		const struct hi_reloc *reloc = &relocs[i];
		uint64_t target = reloc->sym_link + reloc->addend + 4;

		ck_assert(!i || relocs[i - 1].place_link <= reloc->place_link);
		ck_assert_int_eq(hi_image_get_data_kind(build.image,
							reloc->place_link),
				 HI_DATA_NONE);
		if (reloc->type == R_X86_64_PC32 && reloc->defined &&
		    hi_image_get_data_kind(build.image, target) ==
			    HI_DATA_STATE)
			to_local = true;
		if (reloc->type == R_X86_64_PLT32 &&
		    !strncmp(reloc->name, "random", 6))
			to_call = !reloc->defined;
	}
	ck_assert(to_local);
	ck_assert(to_call);
	free(relocs);
	close_build(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_packed_place_outside_the_file_is_refused)
{
	struct hi_reloc *relocs = NULL;
	uint64_t outside = 0x7fff0000;
	struct hi_image *image;
	unsigned char *bytes;
	struct hi_fixture fx;
	struct hi_err err;
	const char *path;
	GElf_Shdr shdr;
	size_t len, n;

	hi_fixture_init(&fx);
	path = hi_fixture_library(
		&fx, "whole.so",
		"clang -O2 -fuse-ld=lld -Wl,--pack-dyn-relocs=relr", source);
	ck_assert(!hi_image_open(path, &image, &err));
	ck_assert(hi_image_find_section(image, ".relr.dyn", &shdr));
	hi_image_free(image);
	bytes = hi_fixture_read(path, &len);
	memcpy(bytes + shdr.sh_offset, &outside, 8);
	path = hi_fixture_write_bytes(&fx, "a.so", bytes, len);
	ck_assert(!hi_image_open(path, &image, &err));
	ck_assert_int_eq(hi_reloc_read(image, &relocs, &n, &err), HI_E_BADELF);
	ck_assert_ptr_null(relocs);
	ck_assert_str_eq(err.sentence,
			 "a.so: the relocation table DT_RELR names "
			 "0x7fff0000, which is not in the file");
	hi_image_free(image);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reloc");
	TCase *tc = tcase_create("reloc");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, plt_slots_are_read_bound_now_or_lazily);
	tcase_add_test(tc, data_and_thread_local_relocations_are_read);
	tcase_add_test(tc, packed_relocations_come_out_as_the_others);
	tcase_add_test(tc, static_relocations_are_read_where_they_were_kept);
	tcase_add_test(tc, a_packed_place_outside_the_file_is_refused);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
