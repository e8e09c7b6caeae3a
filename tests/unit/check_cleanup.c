#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "elfscan/cleanup.h"
#include "tests/unit/fixture.h"

#define CALLS_MAX 8

/* Before 1.71, rustc has to be asked for functions of C that may unwind. */
#define RUSTC \
	"RUSTC_BOOTSTRAP=1 rustc -Zcrate-attr='feature(c_unwind, bench_black_box)'"

static uint64_t calls[CALLS_MAX]; /* where the library has called record() */
static size_t n_calls;

/* The library knows nothing of it: it may throw. */
static void record(void)
{
	ck_assert_uint_lt(n_calls, CALLS_MAX);
	calls[n_calls++] = (uintptr_t)__builtin_return_address(0) - 1;
}

struct loaded {
	void *library;
	uint64_t base;
	struct hi_image *image;
};

static void load(struct loaded *l, const char *path)
{
	struct hi_err err = { 0 };
	struct link_map *map;
	void (**note)(void);

	l->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(l->library != NULL, "%s", dlerror());
	ck_assert_int_eq(dlinfo(l->library, RTLD_DI_LINKMAP, &map), 0);
	l->base = map->l_addr;
	note = dlsym(l->library, "note");
	ck_assert_ptr_nonnull(note);
	*note = record;
	ck_assert_msg(hi_image_open(path, &l->image, &err) == 0, "%s",
		      err.sentence);
}

static void unload(struct loaded *l)
{
	hi_image_free(l->image);
	dlclose(l->library);
}

/* A letter for each call that FUNCTION makes: c for a cleanup, else a dot. */
static const char *ask(const struct loaded *l, const char *function)
{
	static char letters[CALLS_MAX + 1];
	void (*run)(void) = (void (*)(void))dlsym(l->library, function);

	ck_assert_msg(run != NULL, "no function %s", function);
	n_calls = 0;
	run();
	for (size_t i = 0; i < n_calls; i++)
		letters[i] = hi_cleanup_at(l->image, calls[i] - l->base) ? 'c' :
									   '.';
	letters[n_calls] = '\0';
	return letters;
}

struct expected {
	const char *function;
	const char *letters;
};

static void assert_answers(const char *how, const char *path,
			   const struct expected *all, size_t n)
{
	struct loaded l;

	load(&l, path);
	for (size_t i = 0; i < n; i++) {
		const char *letters = ask(&l, all[i].function);

		ck_assert_msg(!strcmp(letters, all[i].letters),
			      "%s, %s: \"%s\", not \"%s\"", how,
			      all[i].function, letters, all[i].letters);
	}
	unload(&l);
}

static const char *const cxx_compilers[] = {
	"g++ -std=gnu++14 -O0",
	"g++ -std=gnu++14 -O2",
	"g++ -std=gnu++14 -Os -fno-asynchronous-unwind-tables",
	"g++ -std=gnu++14 -O2 -mcmodel=large",
	"clang++ -std=gnu++14 -O0",
	"clang++ -std=gnu++14 -O2",
	"clang++ -std=gnu++14 -O2 -fuse-ld=lld",
};

static const char cxx_source[] =
	"extern \"C\" { void (*volatile note)(); volatile int held; }\n"
	"struct guard { guard() { held++; } ~guard() { held--; } };\n"
	"#define F extern \"C\" void\n"
	"F plain() { note(); held++; }\n"
	"F guarded() { guard g; note(); }\n"
	"F two() { guard g; note(); { guard h; note(); } note(); }\n"
	"F between() { note(); { guard g; note(); } note(); held++; }\n"
	"F catches() { try { note(); } catch (int) { held = 7; } }\n"
	"F catches_all() { try { note(); } catch (...) { held = 7; } }\n"
	"F guarded_catches() { guard g;\n"
	"	try { note(); } catch (int) { held = 7; } }\n"
	"F catches_guarded() {\n"
	"	try { guard g; note(); } catch (int) { held = 7; }\n"
	"	catch (long) { held = 8; } }\n"
	"#ifndef __clang__ /* whose handlers of everything hide it */\n"
	"F catches_all_guarded() {\n"
	"	try { guard g; note(); note(); } catch (...) { held = 7; } }\n"
	"#endif\n"
	"F quiet() noexcept { note(); held++; }\n"
	"F specified() throw(int) { note(); held++; }\n";

START_TEST(a_call_while_something_is_to_be_destroyed_has_a_cleanup)
{
	static const struct expected all[] = {
		{ "plain", "." },
		{ "guarded", "c" },
		{ "two", "ccc" },
		{ "between", ".c." },
		{ "catches", "." },
		{ "catches_all", "." },
		{ "guarded_catches", "c" },
		{ "catches_guarded", "c" },
		{ "quiet", "." },
		{ "specified", "." },
		{ "catches_all_guarded", "cc" },
	};
	bool clang = strncmp(cxx_compilers[_i], "clang", 5) == 0;
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	assert_answers(cxx_compilers[_i],
		       hi_fixture_library(&fx, "cleanup.so", cxx_compilers[_i],
					  cxx_source),
		       all, sizeof(all) / sizeof(*all) - clang);
	hi_fixture_done(&fx);
}
END_TEST

static const struct {
	const char *compiler;
	const char *guarded; /* what is expected of it */
} c_compilers[] = {
	{ "gcc -O0 -fexceptions", "c" },
	{ "gcc -O2 -fexceptions", "c" },
	{ "clang -O0 -fexceptions", "c" },
	{ "clang -O2 -fexceptions", "c" },
	{ "gcc -O2", "." },
	{ "clang -O2", "." },
};

START_TEST(a_cleanup_attribute_counts_where_c_has_exceptions)
{
	const struct expected all[] = {
		{ "plain", "." },
		{ "guarded", c_compilers[_i].guarded },
	};
	struct hi_fixture fx;

	hi_fixture_init(&fx);
	assert_answers(
		c_compilers[_i].compiler,
		hi_fixture_library(
			&fx, "cleanup.so", c_compilers[_i].compiler,
			"void (*volatile note)(void); volatile int held;\n"
			"static void drop(int *p) { (void)p; held--; }\n"
			"void plain(void) { note(); held++; }\n"
			"void guarded(void) {\n"
			"	__attribute__((cleanup(drop))) int n = held++;\n"
			"	note(); (void)n; }\n"),
		all, sizeof(all) / sizeof(*all));
	hi_fixture_done(&fx);
}
END_TEST

static const char *const rust_flags[] = { "", "-O" };

START_TEST(a_value_that_rust_drops_is_a_cleanup)
{
	static const struct expected all[] = {
		{ "plain", "." },
		{ "guarded", "c" },
	};
	struct hi_fixture fx;
	const char *source;

	hi_fixture_init(&fx);
	source = hi_fixture_write(
		&fx, "lib.rs",
		"use std::sync::atomic::{AtomicI32, Ordering::SeqCst};\n"
		"#[no_mangle] pub static mut note: Option<"
		"extern \"C-unwind\" fn()> = None;\n"
		"static HELD: AtomicI32 = AtomicI32::new(0);\n"
		"struct Guard;\n"
		"impl Drop for Guard { fn drop(&mut self)"
		" { HELD.fetch_sub(1, SeqCst); } }\n"
		"#[inline(always)] fn call() { unsafe { if let Some(f) = note"
		" { f() } } HELD.fetch_add(1, SeqCst); }\n"
		"#[no_mangle] pub extern \"C-unwind\" fn plain() { call(); }\n"
		"#[no_mangle] pub extern \"C-unwind\" fn guarded()"
		" { let _g = Guard; call(); }\n");
	if (hi_fixture_try(&fx, "rustc --version") != 0) {
		fprintf(stderr, "check_cleanup: rust skipped, no rustc\n");
		hi_fixture_done(&fx);
		return;
	}
	/* inlining also without -O: its caller is who is asked */
	hi_fixture_run(&fx,
		       RUSTC
		       " -A warnings --crate-type=cdylib %s -o rust.so %s",
		       rust_flags[_i], source);
	assert_answers(rust_flags[_i], hi_fixture_path(&fx, "rust.so"), all,
		       sizeof(all) / sizeof(*all));
	hi_fixture_done(&fx);
}
END_TEST

/* Ask for every address of the text of the LEN bytes, which are used up. */
static void ask_everywhere(uint8_t *bytes, size_t len, size_t *n_found)
{
	struct hi_image *image = NULL;
	const struct hi_range *text;
	size_t n;

	if (hi_image_open_bytes(bytes, len, "damaged.so", &image, NULL) < 0)
		return;
	text = hi_image_get_text_ranges(image, &n);
	for (size_t i = 0; i < n; i++)
		for (uint64_t at = text[i].start; at < text[i].end; at++)
			*n_found += hi_cleanup_at(image, at);
	hi_image_free(image);
}

static uint8_t *copy(const uint8_t *bytes, size_t len)
{
	uint8_t *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(pages, MAP_FAILED);
	memcpy(pages, bytes, len);
	return pages;
}

START_TEST(damaged_tables_are_read_within_the_file)
{
	static const char *const sections[] = { ".eh_frame", ".eh_frame_hdr",
						".gcc_except_table" };
	static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff };
	struct hi_fixture fx;
	struct hi_image *image;
	const char *path;
	size_t len, n_whole = 0, n_damaged = 0;
	unsigned char *bytes;

	hi_fixture_init(&fx);
	path = hi_fixture_library(&fx, "cleanup.so", cxx_compilers[1],
				  cxx_source);
	bytes = hi_fixture_read(path, &len);
	ck_assert_int_eq(hi_image_open(path, &image, NULL), 0);
	ask_everywhere(copy(bytes, len), len, &n_whole);
	ck_assert_uint_gt(n_whole, 0);
	for (size_t i = 0; i < 3; i++) {
		GElf_Shdr shdr;

		ck_assert(hi_image_find_section(image, sections[i], &shdr));
		for (size_t at = 0; at < shdr.sh_size; at++) {
			uint8_t *damaged = copy(bytes, len);

			damaged[shdr.sh_offset + at] = values[at % 4];
			ask_everywhere(damaged, len, &n_damaged);
		}
	}
	ck_assert_uint_gt(n_damaged, 0);
	hi_image_free(image);
	free(bytes);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_library_without_tables_has_none)
{
	struct hi_fixture fx;
	struct hi_image *image;
	const struct hi_range *text;
	size_t n;

	hi_fixture_init(&fx);
	ck_assert_int_eq(
		hi_image_open(
			hi_fixture_library(&fx, "bare.so",
					   "gcc -O2 -nostdlib "
					   "-fno-asynchronous-unwind-tables",
					   "int update(int a) { return a; }\n"),
			&image, NULL),
		0);
	text = hi_image_get_text_ranges(image, &n);
	ck_assert_uint_gt(n, 0);
	ck_assert(!hi_cleanup_at(image, text[0].start));
	ck_assert(!hi_cleanup_at(image, 0));
	ck_assert(!hi_cleanup_at(image, UINT64_MAX));
	/* what retired builds are */
	hi_image_close(image);
	ck_assert(!hi_cleanup_at(image, text[0].start));
	hi_image_free(image);
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cleanup");
	TCase *tcase = tcase_create("calls");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(
		tcase, a_call_while_something_is_to_be_destroyed_has_a_cleanup,
		0, sizeof(cxx_compilers) / sizeof(*cxx_compilers));
	tcase_add_loop_test(tcase,
			    a_cleanup_attribute_counts_where_c_has_exceptions,
			    0, sizeof(c_compilers) / sizeof(*c_compilers));
	tcase_add_loop_test(tcase, a_value_that_rust_drops_is_a_cleanup, 0,
			    sizeof(rust_flags) / sizeof(*rust_flags));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("damage");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, damaged_tables_are_read_within_the_file);
	tcase_add_test(tcase, a_library_without_tables_has_none);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
