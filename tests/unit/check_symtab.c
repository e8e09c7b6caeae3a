#include "elfscan/symtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/symtab_parts.h"
#include "tests/unit/built.h"

static const char source[] =
	"int glob = 1; static int count = 2; __thread int tls = 3;\n"
	"static __thread int stls;\n"
	"__attribute__((visibility(\"hidden\"))) int hidden_var = 4;\n"
	"__attribute__((visibility(\"protected\"), noinline))\n"
	"int guarded(int a) { return a * 3; }\n"
	"static __attribute__((noinline)) int helper(int a)\n"
	"{ static int count = 1; return a + count++; }\n"
	"__attribute__((visibility(\"hidden\"), noinline))\n"
	"int hidden_fn(int a) { return a + hidden_var++; }\n"
	"int update(int a) { count++; tls++; stls++;\n"
	"	return helper(a) + hidden_fn(a) + guarded(glob); }\n"
	"__asm__(\".globl assembled\\nassembled: ret\\nnop\\nnop\\n\"\n"
	"	\".globl second\\nsecond: ret\\n\");\n";

START_TEST(exported_local_and_hidden_symbols_are_told_apart)
{
	const struct hi_symbol *symbol;
	struct hi_fixture fx;
	struct hi_built build;

	hi_fixture_init(&fx);
	build = hi_built_compile(&fx, "worker.so", "gcc -O2", source);
	ck_assert(hi_symtab_has_locals(build.symtab));
	symbol = hi_built_get(&build, "update");
	ck_assert(symbol->exported && symbol->default_version);
	ck_assert_int_eq(symbol->type, HI_SYM_FUNC);
	ck_assert_str_eq(symbol->version, "");
	ck_assert_str_eq(symbol->file, "");
	ck_assert_int_eq(symbol->elf_bind, STB_GLOBAL);
	ck_assert(hi_built_get(&build, "guarded")->exported);
	ck_assert_int_eq(hi_built_get(&build, "guarded")->visibility,
			 STV_PROTECTED);
	symbol = hi_built_get(&build, "helper");
	ck_assert(!symbol->exported);
	ck_assert_str_eq(symbol->file, "worker.c");
	ck_assert_int_eq(symbol->elf_bind, STB_LOCAL);
	ck_assert(!hi_built_get(&build, "hidden_fn")->exported);
	ck_assert_str_eq(hi_built_get(&build, "hidden_fn")->file, "");
	ck_assert_int_eq(hi_built_get(&build, "glob")->type, HI_SYM_OBJECT);
	ck_assert(hi_built_get(&build, "glob")->exported);
	ck_assert_int_eq(hi_built_get(&build, "tls")->type, HI_SYM_TLS);
	ck_assert_uint_lt(hi_built_get(&build, "stls")->addr_link, 8);
	ck_assert_str_eq(hi_built_get(&build, "count.0")->base, "count");
	ck_assert_str_eq(hi_built_get(&build, "count")->base, "count");
	hi_built_close(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(assembly_without_types_and_sizes_counts_as_functions)
{
	const struct hi_symbol *first, *second;
	struct hi_fixture fx;
	struct hi_built build;

	hi_fixture_init(&fx);
	build = hi_built_compile(&fx, "worker.so", "gcc -O2", source);
	first = hi_built_get(&build, "assembled");
	second = hi_built_get(&build, "second");
	ck_assert_int_eq(first->type, HI_SYM_FUNC);
	ck_assert(first->exported);
	ck_assert_uint_eq(first->size, 3);
	ck_assert_uint_eq(second->addr_link, first->addr_link + 3);
	ck_assert_uint_gt(second->size, 0);
	hi_built_close(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(what_the_compiler_made_is_marked)
{
	static const char *const made[] = {
		"_init",
		"_fini",
		"frame_dummy",
		"__do_global_dtors_aux",
		"register_tm_clones",
		"deregister_tm_clones",
		"__dso_handle",
		"_DYNAMIC",
	};
	struct hi_fixture fx;
	struct hi_built build;

	hi_fixture_init(&fx);
	build = hi_built_compile(&fx, "worker.so", "gcc -O2",
				 "int done(void) { static char completed;"
				 " return completed++; }\n");
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		ck_assert_msg(hi_built_get(&build, made[i])->compiler_made,
			      "%s", made[i]);
	ck_assert(!hi_built_get(&build, "done")->compiler_made);
	ck_assert(
		hi_symbol_is_compiler_made("completed.0", "crtstuff.c", false));
	ck_assert(
		!hi_symbol_is_compiler_made("completed.0", "worker.c", false));
	ck_assert(!hi_symbol_is_compiler_made("end", "", false));
	ck_assert(hi_symbol_is_compiler_made("end", "", true));
	ck_assert(hi_symbol_is_compiler_made("puts$plt", "", false));
	hi_built_close(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(names_lose_the_compilers_counters_only)
{
	static const struct {
		const char *name, *base;
	} names[] = {
		{ "count", "count" },
		{ "count.3", "count" },
		{ "f.x", "f.x" },
		{ "f.x.1", "f.x" },
		{ "f.llvm.4711", "f" },
		{ "f.lto_priv.0", "f" },
		{ "count.2.lto_priv.1", "count" },
		{ "f.lto_priv.0.llvm.9", "f" },
		{ "_ZZ4stepvE1n", "_ZZ4stepvE1n" },
		{ "_ZZ4stepvE1n_0", "_ZZ4stepvE1n_0" },
		{ ".5", ".5" },
		{ "llvm.5", "llvm" },
		{ ".llvm.5", ".llvm" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = hi_symbol_base_len(names[i].name);

		ck_assert_uint_eq(len, strlen(names[i].base));
		ck_assert_int_eq(strncmp(names[i].name, names[i].base, len), 0);
	}
	ck_assert(hi_symbol_is_clone("f.part.0"));
	ck_assert(hi_symbol_is_clone("f.constprop.0.isra.0"));
	ck_assert(hi_symbol_is_clone("f.cold"));
	ck_assert(hi_symbol_is_clone("f.cold.1"));
	ck_assert(!hi_symbol_is_clone("f"));
	ck_assert(!hi_symbol_is_clone("f.colder"));
	ck_assert_str_eq(hi_symbol_file("/tmp/ccAbC123.ltrans0.o"), "");
	ck_assert_str_eq(hi_symbol_file("ld-temp.o"), "");
	ck_assert_str_eq(hi_symbol_file("<artificial>"), "");
	ck_assert_str_eq(hi_symbol_file("ccAbC123.o"), "");
	ck_assert_str_eq(hi_symbol_file("ccworker.c"), "ccworker.c");
}
END_TEST

START_TEST(a_stripped_library_uses_its_debug_file)
{
	struct hi_fixture fx;
	struct hi_built build;
	const char *path;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "libworker.so",
				  "gcc -O2 -g -Wl,--build-id=none", source);
	hi_fixture_run(&fx, "objcopy --only-keep-debug libworker.so w.debug");
	hi_fixture_run(&fx, "strip libworker.so");
	build = hi_built_open(path);
	ck_assert(!hi_symtab_has_locals(build.symtab));
	ck_assert_ptr_null(hi_symtab_get_debuglink(build.symtab));
	ck_assert_ptr_null(hi_built_find(&build, "helper"));
	ck_assert(hi_built_get(&build, "update")->exported);
	hi_built_close(&build);

	hi_fixture_run(&fx, "objcopy --add-gnu-debuglink=w.debug libworker.so");
	build = hi_built_open(path);
	ck_assert(hi_symtab_has_locals(build.symtab));
	ck_assert_str_eq(hi_symtab_get_debuglink(build.symtab), "w.debug");
	ck_assert_ptr_nonnull(
		strstr(hi_symtab_get_debug_file(build.symtab), "/w.debug"));
	ck_assert_str_eq(hi_built_get(&build, "helper")->file, "libworker.c");
	ck_assert(hi_built_get(&build, "update")->exported);
	ck_assert_str_eq(hi_built_get(&build, "count.0")->base, "count");
	hi_built_close(&build);

	hi_fixture_run(&fx, "mkdir .debug && mv w.debug .debug");
	build = hi_built_open(path);
	ck_assert_ptr_nonnull(strstr(hi_symtab_get_debug_file(build.symtab),
				     "/.debug/w.debug"));
	hi_built_close(&build);

	/* the debug file of another build has another checksum */
	hi_fixture_run(&fx, "echo >> .debug/w.debug");
	build = hi_built_open(path);
	ck_assert(!hi_symtab_has_locals(build.symtab));
	ck_assert_ptr_null(hi_symtab_get_debug_file(build.symtab));
	ck_assert_str_eq(hi_symtab_get_debuglink(build.symtab), "w.debug");
	hi_built_close(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(an_address_finds_what_covers_it)
{
	const struct hi_symbol *update, *glob, *symbols;
	struct hi_fixture fx;
	struct hi_built build;
	size_t n;

	hi_fixture_init(&fx);
	build = hi_built_compile(&fx, "worker.so", "gcc -O2", source);
	update = hi_built_get(&build, "update");
	glob = hi_built_get(&build, "glob");
	ck_assert_ptr_eq(hi_symtab_find_function_at(build.symtab,
						    update->addr_link),
			 update);
	ck_assert_ptr_eq(hi_symtab_find_function_at(build.symtab,
						    update->addr_link +
							    update->size - 1),
			 update);
	ck_assert_ptr_ne(
		hi_symtab_find_function_at(build.symtab,
					   update->addr_link + update->size),
		update);
	ck_assert_ptr_null(hi_symtab_find_function_at(build.symtab, 1 << 30));
	ck_assert_ptr_null(
		hi_symtab_find_function_at(build.symtab, glob->addr_link));
	ck_assert_ptr_eq(hi_symtab_find_variable_at(build.symtab,
						    glob->addr_link + 3),
			 glob);
	/* address 0 is the first thread-local's offset, not an address */
	ck_assert_ptr_null(hi_symtab_find_variable_at(build.symtab, 0));
	symbols = hi_symtab_get_functions(build.symtab, &n);
	for (size_t i = 1; i < n; i++)
		ck_assert_uint_le(symbols[i - 1].addr_link,
				  symbols[i].addr_link);
	hi_built_close(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_name_out_of_range_is_refused)
{
	struct hi_symtab *symtab = NULL;
	struct hi_image *image;
	unsigned char *bytes;
	struct hi_fixture fx;
	struct hi_err err;
	const char *path;
	GElf_Shdr shdr;
	size_t len;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "worker.so", "gcc -O2", source);
	ck_assert(!hi_image_open(path, &image, &err));
	ck_assert(hi_image_find_section(image, ".symtab", &shdr));
	hi_image_free(image);
	bytes = hi_fixture_read(path, &len);
	memset(bytes + shdr.sh_offset + 5 * shdr.sh_entsize, 0xff, 4);
	path = hi_fixture_write_bytes(&fx, "a.so", bytes, len);
	ck_assert(!hi_image_open(path, &image, &err));
	ck_assert_int_eq(hi_symtab_new(image, &symtab, &err), HI_E_BADELF);
	ck_assert_ptr_null(symtab);
	ck_assert_str_eq(err.sentence,
			 "a.so: the name of symbol 5 is out of range");
	hi_image_free(image);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symtab");
	TCase *tc = tcase_create("symtab");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, exported_local_and_hidden_symbols_are_told_apart);
	tcase_add_test(tc,
		       assembly_without_types_and_sizes_counts_as_functions);
	tcase_add_test(tc, what_the_compiler_made_is_marked);
	tcase_add_test(tc, names_lose_the_compilers_counters_only);
	tcase_add_test(tc, a_stripped_library_uses_its_debug_file);
	tcase_add_test(tc, an_address_finds_what_covers_it);
	tcase_add_test(tc, a_name_out_of_range_is_refused);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
