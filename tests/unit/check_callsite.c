/*
 * Callers as compilers make them, run for real: what they call writes down rdi and the
 * registers that last, and the code before the return address has to tell the same.
 */
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/callsite.h"
#include "elfscan/symtab.h"
#include "tests/unit/fixture.h"

enum { RBX = 3, RSP = 4, RBP = 5 };

/* --- what is called ------------------------------------------------------------- */

/* rdi, return address, and registers by number as after the return. */
struct record {
	uint64_t rdi, returns;
	uint64_t regs[16];
};

/* Fills the record, calls note(), then puts what is known into the result. */
static const char probe_source[] =
	".macro probe name, len\n"
	".globl \\name\n.hidden \\name\n.type \\name, @function\n\\name:\n"
	"	lea record(%rip), %rax\n"
	"	mov %rdi, (%rax)\n"
	"	mov (%rsp), %r10\n"
	"	mov %r10, 8(%rax)\n"
	"	lea 8(%rsp), %r10\n"
	"	mov %r10, 48(%rax)\n"
	"	mov %rbx, 40(%rax)\n"
	"	mov %rbp, 56(%rax)\n"
	"	mov %r12, 112(%rax)\n"
	"	mov %r13, 120(%rax)\n"
	"	mov %r14, 128(%rax)\n"
	"	mov %r15, 136(%rax)\n"
	"	push %rdi\n"
	"	mov %rax, %rdi\n"
	"	mov note@GOTPCREL(%rip), %rax\n"
	"	call *(%rax)\n"
	"	mov (%rsp), %rdi\n"
	"	mov $\\len, %ecx\n"
	"	mov $3, %eax\n"
	"	rep stosl\n"
	"	pop %rax\n"
	"	ret\n"
	".size \\name, . - \\name\n"
	".endm\n"
	".text\n"
	"probe probe, 12\n"
	"probe probe_any, 0\n"
	".bss\n.balign 8\n.globl note\nnote: .skip 8\nrecord: .skip 144\n"
	".section .note.GNU-stack,\"\"\n";

/* probe() under many types; an unused argument more or less is no matter. */
static const char caller_source[] =
	"#include <stdlib.h>\n"
	"typedef struct { int a[12]; } big;\n"
	"big make(int, ...) __asm__(\"probe\");\n"
	"big make0(void) __asm__(\"probe\");\n"
	"big make9(long, long, long, long, long, long, long, long, big)"
	" __asm__(\"probe\");\n"
	"void *set(long, ...) __asm__(\"probe_any\");\n"
	"static volatile int zero;\n"
	"static int sum(const big *b) { int n = 0;\n"
	" for (int i = 0; i < 12; i++) n += b->a[i]; return n; }\n"
	"static __attribute__((noinline)) int take(big b) { return sum(&b); }\n"
	"static __attribute__((noinline)) void fill(big *b) { b->a[1] = 4; }\n"
	"big shared, *list[4]; big (*volatile pointer)(int, ...) = make;\n"
	"struct holder { int n; big b; big *p; } h;\n"
	"int t_assigned(void) { big b = make(1); return sum(&b); }\n"
	"int t_argument(void) { return take(make0()); }\n"
	"big t_passed_on(void) { return make(2); }\n"
	"big t_passed_on_later(void) { fill(&shared); return make(3, 4); }\n"
	"big t_passed_on_twice(int n) { fill(&shared);\n"
	" return n & 1 ? make(3, n) : make0(); }\n"
	"void t_global(void) { shared = make(1, 2, 3); }\n"
	"static __attribute__((noinline)) void at(big *p, int n)\n"
	"{ *p = make(n); p[1] = make0(); }\n"
	"void t_pointer(void) { big b[2]; at(b, 3); }\n"
	"static __attribute__((noinline)) void in(struct holder *p)\n"
	"{ p->b = make0(); *p->p = make(2); }\n"
	"void t_holder(void) { h.p = &shared; in(&h); }\n"
	"int t_loop(int n) { int s = 0; big b; for (int i = 0; i < 5; i++)\n"
	" { b = make(i, n); s += sum(&b); } return s; }\n"
	"int t_loop_list(void) { big b[4]; int s = 0;\n"
	" for (int i = 0; i < 4; i++) b[i] = make(i);\n"
	" for (int i = 0; i < 4; i++) s += sum(b + i); return s; }\n"
	"int t_two(int n) { big a = make0(), b = make(n);\n"
	" return sum(&a) - sum(&b); }\n"
	"int t_ignored(void) { make(1); return 1; }\n"
	"int t_called_through(void) { big b = pointer(1); return sum(&b); }\n"
	"int t_stack(int n) { big a = make0();\n"
	" big b = make9(1, n, 3, 4, 5, 6, 7, 8, a); return sum(&b); }\n"
	"int t_dynamic(int n) { big a[(n & 3) + 1]; a[n & 3] = make(n);\n"
	" return sum(&a[n & 3]); }\n"
	"int t_alloca(void) { big *p = __builtin_alloca(sizeof(*p) + zero);\n"
	" *p = make0(); return sum(p); }\n"
	"int t_heap(void) { big *p = malloc(sizeof(*p)); *p = make(1);\n"
	" int n = sum(p); free(p); return n; }\n"
	"int t_switch(int n) { big b; switch (n & 7) { case 0: b = make(4);\n"
	" break; case 1: b = make(5, 1); case 2: b = make0(); break;\n"
	" case 3: b = make(n); break; case 4: fill(&shared); b = make(n, 4);"
	" break;\n"
	" case 5: b = make(8, 8); break; default: b = shared; }\n"
	" return sum(&b); }\n"
	"int t_choice(int n) { big a, b; big *p = n & 1 ? &a : &b;\n"
	" a = b = shared; *p = n & 2 ? make(1) : make(n, 2);\n"
	" return sum(&a) + sum(&b); }\n"
	"int t_rare(int n) { big b; if (__builtin_expect(n == 3, 0))\n"
	" b = make(n, 7); else b = make0(); return sum(&b); }\n"
	"void t_any(int n) { void *p = &h; set(n); set((long)p); set((long)&n);\n"
	" set((long)&n, 1, 2); set((long)list[n & 3]);\n"
	" set(n & 1 ? (long)p : (long)&n, n); set((long)h.p + n); }\n";

static const char *const compilers[] = {
	"gcc -w -g -O0",
	"gcc -w -g -O1",
	"gcc -w -g -O2",
	"gcc -w -g -Os",
	"gcc -w -g -O3 -fomit-frame-pointer -fcf-protection",
	"gcc -w -g -O2 -fno-omit-frame-pointer -fstack-protector-all",
	"clang -w -g -O0",
	"clang -w -g -O1",
	"clang -w -g -O2",
	"clang -w -g -Os",
	"clang -w -g -O2 -fno-omit-frame-pointer",
};
#define N_COMPILERS (sizeof(compilers) / sizeof(*compilers))

/* --- what is found --------------------------------------------------------------- */

static struct {
	struct hi_decoder *decoder;
	struct hi_symtab *symtab;
	struct hi_image *image;
	uint64_t base;
	const char *what;
	long n, n_found, n_blind, n_large, n_large_found;
	uint64_t seen[512]; /* return addresses */
	int n_seen;
} run;

static bool evaluate(const struct hi_callsite *site,
		     const struct record *record)
{
	uint64_t at = record->regs[site->base] + (uint64_t)site->displacement;

	if (site->is_load)
		memcpy(&at, (const void *)at, sizeof(at));
	return at == record->rdi;
}

static bool find(const struct hi_symbol *symbol, const struct record *record,
		 bool from_entry, struct hi_callsite *ret_site)
{
	uint64_t returns = record->returns - run.base;
	uint64_t start = from_entry || returns - symbol->addr_link < 64 ?
				 symbol->addr_link :
				 returns - 64;
	size_t len = symbol->addr_link + symbol->size - start;
	struct hi_callsite_code code = {
		.bytes = hi_image_find_bytes(run.image, start, len),
		.len = from_entry ? len : returns - start,
		.returns = returns - start,
		.from_entry = from_entry,
	};

	ck_assert_ptr_nonnull(code.bytes);
	return hi_callsite_find(run.decoder, &code, ret_site);
}

/* True for the first call from there. */
static bool note_place(uint64_t returns)
{
	for (int i = 0; i < run.n_seen; i++)
		if (run.seen[i] == returns)
			return false;
	ck_assert_int_lt(run.n_seen, 512);
	run.seen[run.n_seen++] = returns;
	return true;
}

/* What is found must be right at every call, and is counted at the first. */
static void on_call(const struct record *record)
{
	const struct hi_symbol *symbol = hi_symtab_find_function_at(
		run.symtab, record->returns - run.base - 1);
	bool is_large, is_new;

	ck_assert_ptr_nonnull(symbol);
	is_large = strcmp(symbol->name, "t_any") != 0;
	is_new = note_place(record->returns);
	run.n += is_new;
	run.n_large += is_new && is_large;
	for (int blind = 0; blind < 2; blind++) {
		struct hi_callsite site;

		if (!find(symbol, record, !blind, &site)) {
			continue;
		}
		ck_assert_msg(
			evaluate(&site, record),
			"%s: %s+%#lx: not reg %u + %ld%s", run.what,
			symbol->name,
			(long)(record->returns - run.base - symbol->addr_link),
			site.base, (long)site.displacement,
			site.is_load ? " read" : "");
		run.n_blind += blind && is_new;
		run.n_found += !blind && is_new;
		run.n_large_found += !blind && is_new && is_large;
	}
}

static void run_callers(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void (**note)(const struct record *);
	const struct hi_symbol *symbols;
	struct hi_err err;
	size_t n;

	ck_assert_msg(library, "%s", dlerror());
	ck_assert_int_eq(hi_image_open(path, &run.image, &err), 0);
	ck_assert_int_eq(hi_symtab_new(run.image, &run.symtab, &err), 0);
	ck_assert_int_eq(hi_decoder_new(&run.decoder, &err), 0);
	note = dlsym(library, "note");
	ck_assert_ptr_nonnull(note);
	*note = on_call;
	symbols = hi_symtab_get_functions(run.symtab, &n);
	for (size_t i = 0; i < n; i++) {
		void *call;
		char room[64];

		if (strncmp(symbols[i].name, "t_", 2) != 0 ||
		    !symbols[i].exported)
			continue;
		call = dlsym(library, symbols[i].name);
		run.base = (uint64_t)call - symbols[i].addr_link;
		for (long k = 0; k < 8; k++)
			if (strncmp(symbols[i].name, "t_passed", 8) == 0)
				((void (*)(void *, long))call)(room, k);
			else
				((void (*)(long))call)(k);
	}
	hi_decoder_free(run.decoder);
	hi_symtab_free(run.symtab);
	hi_image_free(run.image);
	dlclose(library);
}

START_TEST(where_a_large_result_goes_to_is_found_and_never_wrong)
{
	struct hi_fixture fx;

	memset(&run, 0, sizeof(run));
	run.what = compilers[_i];
	hi_fixture_init(&fx);
	hi_fixture_write(&fx, "probe.s", probe_source);
	hi_fixture_run(&fx, "gcc -c probe.s");
	hi_fixture_write(&fx, "t.c", caller_source);
	hi_fixture_run(&fx, "%s -fPIC -shared -o t.so t.c probe.o",
		       compilers[_i]);
	run_callers(hi_fixture_path(&fx, "t.so"));
	ck_assert_int_ge(run.n_large, 25);
	ck_assert_int_ge(run.n_found, run.n_large_found);
	ck_assert_int_ge(run.n_blind * 100, run.n * 40);
	ck_assert_int_ge(run.n_large_found * 100, run.n_large * 75);
	hi_fixture_done(&fx);
}
END_TEST

/* --- by hand ------------------------------------------------------------------------ */

/* What is found in LEN bytes, of which those up to RETURNS come before the return. */
static bool find_in(const char *bytes, size_t len, size_t returns,
		    struct hi_callsite *ret_site)
{
	struct hi_callsite_code code = { (const uint8_t *)bytes, len, returns,
					 true };
	struct hi_decoder *decoder;
	struct hi_err err;
	bool found;

	ck_assert_int_eq(hi_decoder_new(&decoder, &err), 0);
	found = hi_callsite_find(decoder, &code, ret_site);
	hi_decoder_free(decoder);
	return found;
}

#define CALL "\xe8\x00\x00\x00\x00"

START_TEST(what_moves_the_stack_afterwards_counts)
{
	/* lea 0x20(%rsp), %rdi; push %rax; sub $8, %rsp; call */
	static const char code[] =
		"\x48\x8d\x7c\x24\x20\x50\x48\x83\xec\x08" CALL;
	struct hi_callsite site;

	ck_assert(find_in(code, sizeof(code) - 1, sizeof(code) - 1, &site));
	ck_assert_uint_eq(site.base, RSP);
	ck_assert_int_eq(site.displacement, 0x30);
	ck_assert(!site.is_load);
}
END_TEST

START_TEST(a_base_that_is_gone_is_not_found)
{
	/* mov %rbx, %rdi; mov (%rax), %rbx; call */
	static const char code[] = "\x48\x89\xdf\x48\x8b\x18" CALL;
	struct hi_callsite site;

	ck_assert(!find_in(code, sizeof(code) - 1, sizeof(code) - 1, &site));
}
END_TEST

START_TEST(what_was_read_is_not_found_when_it_was_written_since)
{
	/* mov 8(%rbp), %rdi; mov %rax, ...(%rbp); call */
	static const char over[] = "\x48\x8b\x7d\x08\x48\x89\x45\x08" CALL;
	static const char beside[] = "\x48\x8b\x7d\x08\x48\x89\x45\x10" CALL;
	struct hi_callsite site;

	ck_assert(!find_in(over, sizeof(over) - 1, sizeof(over) - 1, &site));
	ck_assert(
		find_in(beside, sizeof(beside) - 1, sizeof(beside) - 1, &site));
	ck_assert_uint_eq(site.base, RBP);
	ck_assert_int_eq(site.displacement, 8);
	ck_assert(site.is_load);
}
END_TEST

START_TEST(a_jump_back_between_is_a_label)
{
	/* mov %rbx, %rdi; L: nop; call; jmp L */
	static const char code[] = "\x48\x89\xdf\x90" CALL "\xeb\xf8";
	struct hi_callsite site;

	ck_assert(!find_in(code, sizeof(code) - 1, 9, &site));
	/* the same without the jump */
	ck_assert(find_in(code, 9, 9, &site));
	ck_assert_uint_eq(site.base, RBX);
}
END_TEST

START_TEST(what_does_not_end_in_a_call_is_refused)
{
	struct hi_callsite site;

	ck_assert(!find_in("\x48\x89\xdf\x90", 4, 4, &site));
	ck_assert(!find_in("\x48\x89\xdf" CALL, 8, 7, &site));
	ck_assert(!find_in("\x48\x89\xdf" CALL, 8, 0, &site));
	ck_assert(!find_in("\x48\x89\xdf" CALL, 8, 9, &site));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("callsite");
	TCase *tcase = tcase_create("callsite");

	tcase_add_loop_test(
		tcase, where_a_large_result_goes_to_is_found_and_never_wrong, 0,
		N_COMPILERS);
	tcase_add_test(tcase, what_moves_the_stack_afterwards_counts);
	tcase_add_test(tcase, a_base_that_is_gone_is_not_found);
	tcase_add_test(tcase,
		       what_was_read_is_not_found_when_it_was_written_since);
	tcase_add_test(tcase, a_jump_back_between_is_a_label);
	tcase_add_test(tcase, what_does_not_end_in_a_call_is_refused);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
