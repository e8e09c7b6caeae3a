#include "elfscan/symtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/symtab_parts.h"
#include "tests/unit/fixture.h"

struct build {
	struct hi_image *image;
	struct hi_symtab *symtab;
};

static struct build open_build(const char *path)
{
	struct hi_err err = { .sentence = "" };
	struct build build;

	ck_assert_msg(!hi_image_open(path, &build.image, &err), "%s",
		      err.sentence);
	ck_assert_msg(!hi_symtab_new(build.image, &build.symtab, &err), "%s",
		      err.sentence);
	return build;
}

static void close_build(struct build *build)
{
	hi_symtab_free(build->symtab);
	hi_image_free(build->image);
}

static struct build compile(struct hi_fixture *fx, const char *name,
			    const char *compiler, const char *source)
{
	return open_build(hi_fixture_library(fx, name, compiler, source));
}

/* The only symbol of that name, of either kind; NULL when absent. */
static const struct hi_symbol *find(const struct build *build, const char *name)
{
	const struct hi_symbol *found = NULL;

	for (int kind = 0; kind < 2; kind++) {
		const struct hi_symbol *symbols;
		size_t n;

		symbols = kind ? hi_symtab_get_variables(build->symtab, &n) :
				 hi_symtab_get_functions(build->symtab, &n);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(symbols[i].name, name) != 0)
				continue;
			ck_assert_msg(!found, "%s is there twice", name);
			found = &symbols[i];
		}
	}
	return found;
}

static const struct hi_symbol *get(const struct build *build, const char *name)
{
	const struct hi_symbol *found = find(build, name);

	ck_assert_msg(found, "no symbol %s", name);
	return found;
}

static const struct hi_symbol *same(const struct build *in,
				    const struct build *from,
				    const struct hi_symbol *symbol,
				    bool *ret_ambiguous)
{
	return hi_symtab_find_same(in->symtab, from->symtab, symbol,
				   ret_ambiguous);
}

/* NAME of build FROM has the counterpart EXPECTED in build IN. */
static void assert_same(const struct build *in, const struct build *from,
			const char *name, const char *expected)
{
	const struct hi_symbol *found;
	bool ambiguous;

	found = same(in, from, get(from, name), &ambiguous);
	ck_assert_msg(found, "nothing is the same as %s", name);
	ck_assert_str_eq(found->name, expected);
	ck_assert(!ambiguous);
}

static void assert_none(const struct build *in, const struct build *from,
			const char *name, bool expected_ambiguous)
{
	bool ambiguous = !expected_ambiguous;

	ck_assert_ptr_null(same(in, from, get(from, name), &ambiguous));
	ck_assert_int_eq(ambiguous, expected_ambiguous);
}

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
	struct build build;

	hi_fixture_init(&fx);
	build = compile(&fx, "worker.so", "gcc -O2", source);
	ck_assert(hi_symtab_has_locals(build.symtab));
	symbol = get(&build, "update");
	ck_assert(symbol->exported && symbol->default_version);
	ck_assert_int_eq(symbol->type, HI_SYM_FUNC);
	ck_assert_str_eq(symbol->version, "");
	ck_assert_str_eq(symbol->file, "");
	ck_assert_int_eq(symbol->elf_bind, STB_GLOBAL);
	ck_assert(get(&build, "guarded")->exported);
	ck_assert_int_eq(get(&build, "guarded")->visibility, STV_PROTECTED);
	symbol = get(&build, "helper");
	ck_assert(!symbol->exported);
	ck_assert_str_eq(symbol->file, "worker.c");
	ck_assert_int_eq(symbol->elf_bind, STB_LOCAL);
	ck_assert(!get(&build, "hidden_fn")->exported);
	ck_assert_str_eq(get(&build, "hidden_fn")->file, "");
	ck_assert_int_eq(get(&build, "glob")->type, HI_SYM_OBJECT);
	ck_assert(get(&build, "glob")->exported);
	ck_assert_int_eq(get(&build, "tls")->type, HI_SYM_TLS);
	ck_assert_uint_lt(get(&build, "stls")->addr_link, 8);
	ck_assert_str_eq(get(&build, "count.0")->base, "count");
	ck_assert_str_eq(get(&build, "count")->base, "count");
	close_build(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(assembly_without_types_and_sizes_counts_as_functions)
{
	const struct hi_symbol *first, *second;
	struct hi_fixture fx;
	struct build build;

	hi_fixture_init(&fx);
	build = compile(&fx, "worker.so", "gcc -O2", source);
	first = get(&build, "assembled");
	second = get(&build, "second");
	ck_assert_int_eq(first->type, HI_SYM_FUNC);
	ck_assert(first->exported);
	ck_assert_uint_eq(first->size, 3);
	ck_assert_uint_eq(second->addr_link, first->addr_link + 3);
	ck_assert_uint_gt(second->size, 0);
	close_build(&build);
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
	struct build build;

	hi_fixture_init(&fx);
	build = compile(&fx, "worker.so", "gcc -O2",
			"int done(void) { static char completed;"
			" return completed++; }\n");
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		ck_assert_msg(get(&build, made[i])->compiler_made, "%s",
			      made[i]);
	ck_assert(!get(&build, "done")->compiler_made);
	ck_assert(
		hi_symbol_is_compiler_made("completed.0", "crtstuff.c", false));
	ck_assert(
		!hi_symbol_is_compiler_made("completed.0", "worker.c", false));
	ck_assert(!hi_symbol_is_compiler_made("end", "", false));
	ck_assert(hi_symbol_is_compiler_made("end", "", true));
	ck_assert(hi_symbol_is_compiler_made("puts$plt", "", false));
	close_build(&build);
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

/* Two statics of one name, in functions, with MORE behind them: gcc numbers
   from the end of the file. */
static struct build build_counted(struct hi_fixture *fx, const char *name,
				  const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "static int count = 9;\n"
		 "int a(int n) { static int count = 1; return count += n; }\n"
		 "int b(int n) { static int count[2]; return count[1] += n; }\n"
		 "%s\nint c(int n) { return count += n; }\n",
		 more);
	hi_fixture_write(fx, "worker.c", text);
	hi_fixture_run(fx, "gcc -O2 -shared -fPIC -o %s worker.c", name);
	return open_build(hi_fixture_path(fx, name));
}

START_TEST(statics_are_found_again_when_their_numbers_shift)
{
	struct build old, new, more;
	struct hi_fixture fx;
	const struct hi_symbol *symbols;
	size_t n, n_counted = 0;

	hi_fixture_init(&fx);
	old = build_counted(&fx, "old.so", "");
	new = build_counted(&fx, "new.so",
			    "int z(int n) { static int other, again;"
			    " return other += again++ + n; }");
	symbols = hi_symtab_get_variables(old.symtab, &n);
	for (size_t i = 0; i < n; i++) {
		const struct hi_symbol *found;
		bool ambiguous;

		if (strcmp(symbols[i].base, "count") != 0)
			continue;
		n_counted++;
		found = same(&new, &old, &symbols[i], &ambiguous);
		ck_assert_ptr_nonnull(found);
		ck_assert_uint_eq(found->size, symbols[i].size);
		ck_assert(!ambiguous);
	}
	ck_assert_uint_eq(n_counted, 3);
	ck_assert_ptr_null(find(&new, "count.0"));
	ck_assert_ptr_nonnull(find(&old, "count.0"));
	assert_same(&new, &old, "count", "count");

	more = build_counted(&fx, "more.so",
			     "int d(int n) { static int count = 4;"
			     " return count += n; }\n");
	assert_none(&more, &old, "count.0", true);
	assert_none(&more, &old, "count.1", true);
	assert_same(&more, &old, "count", "count");
	close_build(&old);
	close_build(&new);
	close_build(&more);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(one_static_among_two_of_its_name_is_ambiguous)
{
	static const char first[] =
		"int a(int i) { static int n; return n += i; }\n";
	static const char both[] =
		"int a(int i) { static int n; return n += i; }\n"
		"int b(int i) { static int n; return n -= i; }\n";
	struct build one, two;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	one = compile(&fx, "worker.so", "gcc -O2", first);
	two = compile(&fx, "worker.so", "gcc -O2", both);
	assert_none(&two, &one, "n.0", true);
	assert_none(&one, &two, "n.0", true);
	assert_none(&one, &two, "n.1", true);
	close_build(&one);
	close_build(&two);
	hi_fixture_done(&fx);
}
END_TEST

/* The counters alone would make each the other. */
START_TEST(statics_of_one_name_that_changed_places_are_ambiguous)
{
	static const char before[] =
		"int a(int i) { static int n; return n += i; }\n"
		"int b(int i) { static long n; return n -= i; }\n";
	static const char after[] =
		"int b(int i) { static long n; return n -= i; }\n"
		"int a(int i) { static int n; return n += i; }\n";
	struct build one, two;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	one = compile(&fx, "worker.so", "gcc -O2", before);
	two = compile(&fx, "worker.so", "gcc -O2", after);
	assert_none(&one, &two, "n.0", true);
	assert_none(&one, &two, "n.1", true);
	close_build(&one);
	close_build(&two);
	hi_fixture_done(&fx);
}
END_TEST

/* A library of two files that both have a static of one name. */
static struct build build_two(struct hi_fixture *fx, const char *name,
			      const char *a, const char *b)
{
	hi_fixture_write(fx, a,
			 "static int level = 1; static int only_a;\n"
			 "static __attribute__((noinline)) int step(int n)\n"
			 "{ only_a++; return level += n; }\n"
			 "int a(int n) { return step(n); }\n");
	hi_fixture_write(fx, b,
			 "static int level = 2;\n"
			 "static __attribute__((noinline)) int step(int n)\n"
			 "{ return level -= n; }\n"
			 "int b(int n) { return step(n); }\n");
	hi_fixture_run(fx, "gcc -O2 -shared -fPIC -o %s %s %s", name, a, b);
	return open_build(hi_fixture_path(fx, name));
}

START_TEST(statics_of_one_name_in_two_files_are_two)
{
	const struct hi_symbol *symbols, *found;
	struct build old, new, renamed;
	struct hi_fixture fx;
	bool ambiguous;
	size_t n;

	hi_fixture_init(&fx);
	old = build_two(&fx, "old.so", "a.c", "b.c");
	new = build_two(&fx, "new.so", "b.c", "a.c");
	renamed = build_two(&fx, "renamed.so", "x.c", "y.c");
	for (int kind = 0; kind < 2; kind++) {
		symbols = kind ? hi_symtab_get_variables(old.symtab, &n) :
				 hi_symtab_get_functions(old.symtab, &n);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(symbols[i].base, "level") != 0 &&
			    strcmp(symbols[i].base, "step") != 0)
				continue;
			found = same(&new, &old, &symbols[i], &ambiguous);
			ck_assert_ptr_nonnull(found);
			ck_assert_str_eq(found->file, symbols[i].file);
			found = same(&renamed, &old, &symbols[i], &ambiguous);
			ck_assert_ptr_null(found);
		}
	}
	/* another file, yet the only one of its name */
	assert_same(&renamed, &old, "only_a", "only_a");
	close_build(&old);
	close_build(&new);
	close_build(&renamed);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(removed_and_made_static_functions_are_gone)
{
	struct build old, new;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	old = compile(&fx, "old.so", "gcc -O0",
		      "int gone(int a) { return a; } int value = 1;\n"
		      "int shrunk(int a) { return a; }\n"
		      "static int inner(int a) { return a; }\n"
		      "int up(int a) { return inner(a) + shrunk(a); }\n");
	new = compile(&fx, "new.so", "gcc -O0",
		      "static int shrunk(int a) { return a; }\n"
		      "static int value = 1;\n"
		      "int inner(int a) { return a + value++; }\n"
		      "int up(int a) { return inner(a) + shrunk(a); }\n");
	assert_none(&new, &old, "gone", false);
	assert_none(&new, &old, "shrunk", false);
	assert_same(&new, &old, "value", "value");
	assert_same(&new, &old, "inner", "inner");
	assert_same(&new, &old, "up", "up");
	close_build(&old);
	close_build(&new);
	hi_fixture_done(&fx);
}
END_TEST

static void check_versions(struct hi_fixture *fx, const char *linker)
{
	const struct hi_symbol *one, *two;
	struct build build, plain;
	char compiler[128];
	bool ambiguous;

	snprintf(compiler, sizeof(compiler),
		 "gcc -O2 -fuse-ld=%s -Wl,--version-script=map", linker);
	hi_fixture_write(fx, "map", "V1 { global: g; }; V2 { f; } V1;\n");
	build = compile(fx, "new.so", compiler,
			"int one(void) { return 1; }\n"
			"int two(void) { return 2; }\n"
			"int g(void) { return 3; }\n"
			"__asm__(\".symver one,f@V1\\n.symver two,f@@V2\");\n");
	one = hi_symtab_find_exported(build.symtab, "f", "V1");
	two = hi_symtab_find_exported(build.symtab, "f", "V2");
	ck_assert_ptr_nonnull(one);
	ck_assert_ptr_nonnull(two);
	ck_assert_ptr_ne(one, two);
	ck_assert(!one->default_version);
	ck_assert(two->default_version);
	ck_assert_ptr_eq(hi_symtab_find_exported(build.symtab, "f", NULL), two);
	ck_assert_ptr_null(hi_symtab_find_exported(build.symtab, "f", "V3"));
	ck_assert_ptr_null(find(&build, "f@V1"));
	ck_assert_ptr_null(find(&build, "f@@V2"));
	ck_assert_ptr_eq(same(&build, &build, one, &ambiguous), one);
	ck_assert_ptr_eq(same(&build, &build, two, &ambiguous), two);

	plain = compile(fx, "plain.so", "gcc -O2",
			"int f(void) { return 2; } int g(void) { return 4; }");
	ck_assert_ptr_eq(same(&build, &plain, get(&plain, "f"), &ambiguous),
			 two);
	ck_assert_ptr_null(same(&plain, &build, one, &ambiguous));
	ck_assert_ptr_eq(same(&plain, &build, two, &ambiguous),
			 get(&plain, "f"));
	ck_assert_str_eq(get(&build, "g")->version, "V1");
	close_build(&build);
	close_build(&plain);
}

START_TEST(each_version_of_a_name_is_an_entry)
{
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	check_versions(&fx, "bfd");
	check_versions(&fx, "lld");
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_stripped_library_uses_its_debug_file)
{
	struct hi_fixture fx;
	struct build build;
	const char *path;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "libworker.so",
				  "gcc -O2 -g -Wl,--build-id=none", source);
	hi_fixture_run(&fx, "objcopy --only-keep-debug libworker.so w.debug");
	hi_fixture_run(&fx, "strip libworker.so");
	build = open_build(path);
	ck_assert(!hi_symtab_has_locals(build.symtab));
	ck_assert_ptr_null(hi_symtab_get_debuglink(build.symtab));
	ck_assert_ptr_null(find(&build, "helper"));
	ck_assert(get(&build, "update")->exported);
	close_build(&build);

	hi_fixture_run(&fx, "objcopy --add-gnu-debuglink=w.debug libworker.so");
	build = open_build(path);
	ck_assert(hi_symtab_has_locals(build.symtab));
	ck_assert_str_eq(hi_symtab_get_debuglink(build.symtab), "w.debug");
	ck_assert_ptr_nonnull(
		strstr(hi_symtab_get_debug_file(build.symtab), "/w.debug"));
	ck_assert_str_eq(get(&build, "helper")->file, "libworker.c");
	ck_assert(get(&build, "update")->exported);
	ck_assert_str_eq(get(&build, "count.0")->base, "count");
	close_build(&build);

	hi_fixture_run(&fx, "mkdir .debug && mv w.debug .debug");
	build = open_build(path);
	ck_assert_ptr_nonnull(strstr(hi_symtab_get_debug_file(build.symtab),
				     "/.debug/w.debug"));
	close_build(&build);

	/* the debug file of another build has another checksum */
	hi_fixture_run(&fx, "echo >> .debug/w.debug");
	build = open_build(path);
	ck_assert(!hi_symtab_has_locals(build.symtab));
	ck_assert_ptr_null(hi_symtab_get_debug_file(build.symtab));
	ck_assert_str_eq(hi_symtab_get_debuglink(build.symtab), "w.debug");
	close_build(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(an_address_finds_what_covers_it)
{
	const struct hi_symbol *update, *glob, *symbols;
	struct hi_fixture fx;
	struct build build;
	size_t n;

	hi_fixture_init(&fx);
	build = compile(&fx, "worker.so", "gcc -O2", source);
	update = get(&build, "update");
	glob = get(&build, "glob");
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
	close_build(&build);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(link_time_optimization_keeps_identities)
{
	struct build old, new;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	old = compile(&fx, "old.so", "gcc -O2 -flto", source);
	new = compile(&fx, "new.so", "gcc -O2 -flto", source);
	ck_assert_str_eq(get(&old, "count")->file, "");
	assert_same(&new, &old, "count", "count");
	assert_same(&new, &old, "stls", "stls");
	assert_same(&new, &old, "hidden_var", "hidden_var");
	close_build(&old);
	close_build(&new);
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
	tcase_add_test(tc, statics_are_found_again_when_their_numbers_shift);
	tcase_add_test(tc, one_static_among_two_of_its_name_is_ambiguous);
	tcase_add_test(tc,
		       statics_of_one_name_that_changed_places_are_ambiguous);
	tcase_add_test(tc, statics_of_one_name_in_two_files_are_two);
	tcase_add_test(tc, removed_and_made_static_functions_are_gone);
	tcase_add_test(tc, each_version_of_a_name_is_an_entry);
	tcase_add_test(tc, a_stripped_library_uses_its_debug_file);
	tcase_add_test(tc, an_address_finds_what_covers_it);
	tcase_add_test(tc, link_time_optimization_keeps_identities);
	tcase_add_test(tc, a_name_out_of_range_is_refused);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
