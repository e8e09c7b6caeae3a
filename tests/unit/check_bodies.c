#include <check.h>
#include <string.h>

#include "elfscan/bodies.h"
#include "elfscan/producer.h"
#include "tests/unit/fixture.h"

#define RAX    (1ULL << 0)
#define RCX    (1ULL << 1)
#define RDI    (1ULL << 7)
#define R11    (1ULL << 11)
#define XMM(n) (1ULL << (16 + (n)))

#define APART "#define APART __attribute__((noinline, noclone, used))\n"

static struct hi_clobbers decode(const char *bytes, size_t len)
{
	struct hi_decoder *decoder;
	struct hi_clobbers clobbers;
	struct hi_insn insn;

	ck_assert_int_eq(hi_decoder_new(&decoder, NULL), 0);
	ck_assert_int_eq(hi_decoder_next(decoder, (const uint8_t *)bytes, len,
					 0x1000, &insn, NULL),
			 (int)len);
	clobbers = hi_decoder_get_clobbers(decoder);
	hi_decoder_free(decoder);
	return clobbers;
}

static void is_exactly(uint64_t wanted, const char *bytes, size_t len)
{
	struct hi_clobbers clobbers = decode(bytes, len);

	ck_assert_uint_eq(clobbers.most, wanted);
	ck_assert_uint_eq(clobbers.least, wanted);
}

#define EXACTLY(wanted, text) is_exactly(wanted, text, sizeof(text) - 1)

START_TEST(an_instruction_tells_what_it_writes)
{
	EXACTLY(RAX, "\xb8\x01\x00\x00\x00"); /* mov $1, %eax */
	EXACTLY(RCX, "\x89\xf9");             /* mov %edi, %ecx */
	EXACTLY(0, "\x89\x0f");               /* mov %ecx, (%rdi) */
	EXACTLY(XMM(3), "\xf2\x0f\x58\xd9");  /* addsd xmm1, xmm3 */
	EXACTLY(XMM(5), "\xc5\xf4\x58\xea");  /* vaddps ymm2,ymm1,ymm5 */
	EXACTLY(RAX | 1ULL << 2, "\xf7\xf1"); /* div %ecx */
	EXACTLY(0, "\x5b");                   /* pop %rbx */
	EXACTLY(0, "\x48\x39\xc8");           /* cmp %rcx, %rax */
	EXACTLY(0, "\x66\x0f\x2e\xc1");       /* ucomisd */
	EXACTLY(0, "\x66\x90");               /* padding */
	EXACTLY(0, "\x0f\x1f\x40\x00");       /* padding */
	EXACTLY(RAX, "\x00\xd8");             /* add %bl, %al */
	EXACTLY(RAX | RCX, "\x48\x87\xc1");   /* xchg %rax, %rcx */
}
END_TEST

START_TEST(an_aligned_operand_needs_an_aligned_stack)
{
	struct hi_clobbers clobbers;

	EXACTLY(HI_CLOBBERS_STACK,
		"\x0f\x29\x44\x24\xe8"); /* movaps xmm0,-24(rsp) */
	EXACTLY(HI_CLOBBERS_STACK,
		"\x0f\x29\x45\xe0");             /* movaps xmm0,-32(rbp) */
	EXACTLY(0, "\x0f\x11\x44\x24\xe8");      /* movups xmm0,-24(rsp) */
	EXACTLY(0, "\xf3\x0f\x7f\x04\x24");      /* movdqu xmm0,(rsp) */
	EXACTLY(0, "\xf2\x0f\x11\x04\x24");      /* movsd xmm0,(rsp) */
	EXACTLY(XMM(0), "\x0f\x28\x05\0\0\0\0"); /* movaps (rip),xmm0 */
	/* it may lead to the stack, and elsewhere */
	clobbers = decode("\x0f\x58\x07", 3); /* addps (%rdi),%xmm0 */
	ck_assert_uint_eq(clobbers.most, XMM(0) | HI_CLOBBERS_STACK);
	ck_assert_uint_eq(clobbers.least, XMM(0));
	clobbers = decode("\x66\x0f\x38\x17\x04\x24", 6); /* ptest (rsp) */
	ck_assert_uint_eq(clobbers.most, HI_CLOBBERS_STACK);
}
END_TEST

START_TEST(what_is_hidden_counts_as_written)
{
	struct hi_clobbers clobbers = decode("\x0f\x05", 2); /* syscall */

	ck_assert_uint_eq(clobbers.most, RAX | RCX | R11);
	clobbers = decode("\xc5\xf8\x77", 3); /* vzeroupper */
	ck_assert_uint_eq(clobbers.most, HI_CLOBBERS_VECTOR);
	clobbers = decode("\xf3\x48\xab", 3); /* rep stos */
	ck_assert_uint_eq(clobbers.most & (RCX | RDI), RCX | RDI);
	clobbers = decode("\xdf\xe0", 2); /* fnstsw %ax */
	ck_assert_uint_eq(clobbers.most, RAX);
}
END_TEST

struct side {
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_bodies *bodies;
};

static void side_init(struct side *side, struct hi_fixture *fx,
		      const char *name, const char *compiler,
		      const char *source)
{
	struct hi_err err = { 0 };
	const char *path = hi_fixture_library(fx, name, compiler, source);

	ck_assert_msg(hi_image_open(path, &side->image, &err) == 0 &&
			      hi_symtab_new(side->image, &side->symtab, &err) ==
				      0 &&
			      hi_bodies_new(side->image, side->symtab,
					    &side->bodies, &err) == 0,
		      "%s", err.sentence);
}

static void side_done(struct side *side)
{
	hi_bodies_free(side->bodies);
	hi_symtab_free(side->symtab);
	hi_image_free(side->image);
}

static size_t find(const struct side *side, const char *name)
{
	size_t n;
	const struct hi_symbol *functions =
		hi_symtab_get_functions(side->symtab, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(functions[i].name, name))
			return i;
	ck_abort_msg("no function %s", name);
	return 0;
}

static struct hi_clobbers clobbers_of(const struct side *side, const char *name)
{
	return hi_bodies_get_clobbers(side->bodies, find(side, name));
}

static const char ways[] = APART
	"int getpid(void);\n"
	"int (*volatile pointer)(void);\n"
	"static APART void leaf(void) { __asm__ volatile(\"\" ::: \"r11\");\n"
	"	__asm__ volatile(\"xor %%r11d, %%r11d\" ::: \"r11\"); }\n"
	"static APART void caller(void) { leaf(); __asm__ volatile(\"\"); }\n"
	"static APART void jumps(void) { leaf(); }\n"
	"static APART void even(int n);\n"
	"static APART void odd(int n) { leaf(); if (n) even(n - 1);\n"
	"	__asm__ volatile(\"\"); }\n"
	"static APART void even(int n) { if (n) odd(n - 1);\n"
	"	__asm__ volatile(\"\"); }\n"
	"static APART int outside(void) { return getpid() + 1; }\n"
	"static APART int through(void) { return pointer() + 1; }\n"
	"static APART void broken(void) { __asm__(\".byte 6\"); }\n"
	"int f(void) { return outside() + through(); }\n";

START_TEST(a_call_has_the_registers_of_what_is_called)
{
	struct hi_fixture fx;
	struct side side;

	hi_fixture_init(&fx);
	side_init(&side, &fx, "libworker.so", "gcc -O2", ways);
	ck_assert_uint_eq(clobbers_of(&side, "leaf").most, R11);
	ck_assert_uint_eq(clobbers_of(&side, "leaf").least, R11);
	ck_assert_uint_eq(clobbers_of(&side, "caller").most, R11);
	ck_assert_uint_eq(clobbers_of(&side, "jumps").least, R11);
	ck_assert_uint_eq(clobbers_of(&side, "even").most & ~RDI, R11);
	ck_assert_uint_eq(clobbers_of(&side, "outside").least, HI_CLOBBERS_ALL);
	ck_assert_uint_eq(clobbers_of(&side, "through").least, HI_CLOBBERS_ALL);
	ck_assert_uint_eq(clobbers_of(&side, "broken").most, HI_CLOBBERS_ALL);
	ck_assert_uint_eq(clobbers_of(&side, "broken").least, 0);
	ck_assert(hi_bodies_get(side.bodies, find(&side, "broken"))->opaque);
	side_done(&side);
	hi_fixture_done(&fx);
}
END_TEST

static const char switched[] =
	"int choose(int n)\n"
	"{\n"
	"	switch (n) {\n"
	"	case 0: __asm__(\"\"); return 7;\n"
	"	case 1: __asm__(\"nop\"); return 31;\n"
	"	case 2: __asm__(\"nop;nop\"); return 71;\n"
	"	case 3: __asm__(\"nop;nop;nop\"); return 2;\n"
	"	case 4: __asm__(\"nop;nop;nop;nop\"); return 90;\n"
	"	case 5: __asm__(\"nop;nop;nop;nop;nop\"); return 55;\n"
	"	}\n"
	"	return 0;\n"
	"}\n";

START_TEST(a_jump_through_a_table_could_be_a_call)
{
	struct hi_fixture fx;
	struct side side;

	hi_fixture_init(&fx);
	side_init(&side, &fx, "libworker.so", "gcc -O2", switched);
	ck_assert_uint_eq(clobbers_of(&side, "choose").most, HI_CLOBBERS_ALL);
	ck_assert_uint_eq(clobbers_of(&side, "choose").least & R11, 0);
	side_done(&side);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(a_producer_tells_on_what_callers_rely)
{
	static const struct {
		const char *words;
		uint64_t relied;
	} cases[] = {
		{ "GNU C17 12.2.0 -g -O2 -fPIC", HI_CLOBBERS_ALL },
		{ "GNU C17 12.2.0 -g -O0 -O1", HI_CLOBBERS_ALL },
		{ "Some Compiler 1.0 -O2", HI_CLOBBERS_ALL },
		{ "GNU C17 12.2.0 -g -fPIC", HI_CLOBBERS_STACK },
		{ "GNU C17 12.2.0 -O2 -O0", HI_CLOBBERS_STACK },
		{ "GNU C17 12.2.0 -O2 -fno-ipa-ra", HI_CLOBBERS_STACK },
		{ "GNU C17 12.2.0 -O2 -fno-ipa-stack-alignment",
		  HI_CLOBBERS_REGISTERS },
		{ "GNU C17 12.2.0 -fno-ipa-stack-alignment", 0 },
		{ "GNU C17 12.2.0 -O2 -flive-patching=inline-clone", 0 },
		{ "Debian clang version 14.0.6", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(hi_producer_get_relied(cases[i].words) ==
				      cases[i].relied,
			      "%s", cases[i].words);
}
END_TEST

START_TEST(the_debug_information_is_asked)
{
	struct hi_fixture fx;
	struct side side;
	struct hi_producers producers;
	const char *const compilers[] = { "gcc -g -O2", "gcc -O2 -fno-ipa-ra",
					  "gcc -g -O2 -fno-ipa-ra" };

	hi_fixture_init(&fx);
	for (int i = 0; i < 3; i++) {
		size_t n;

		side_init(&side, &fx, "libworker.so", compilers[i],
			  "int f(void) { return 1; }\n");
		hi_producers_init(&producers, side.image);
		ck_assert_int_eq(
			hi_producers_get_relied(
				&producers,
				hi_symtab_get_functions(side.symtab,
							&n)[find(&side, "f")]
					.addr_link) == HI_CLOBBERS_STACK,
			i == 2);
		hi_producers_done(&producers);
		side_done(&side);
	}
	hi_fixture_done(&fx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bodies");
	TCase *tcase = tcase_create("bodies");

	tcase_add_test(tcase, an_instruction_tells_what_it_writes);
	tcase_add_test(tcase, an_aligned_operand_needs_an_aligned_stack);
	tcase_add_test(tcase, what_is_hidden_counts_as_written);
	tcase_add_test(tcase, a_call_has_the_registers_of_what_is_called);
	tcase_add_test(tcase, a_jump_through_a_table_could_be_a_call);
	tcase_add_test(tcase, a_producer_tells_on_what_callers_rely);
	tcase_add_test(tcase, the_debug_information_is_asked);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
