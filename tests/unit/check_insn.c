#include <check.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "elfscan/insn.h"
#include "tests/unit/fixture.h"

static struct hi_insn measure(const char *bytes, size_t len)
{
	struct hi_insn insn;
	int got = hi_insn_measure((const uint8_t *)bytes, len, 0x1000, &insn);

	ck_assert_int_eq(got, (int)len);
	return insn;
}

#define MEASURE(text) measure(text, sizeof(text) - 1)

START_TEST(a_branch_names_its_target)
{
	struct hi_insn insn = MEASURE("\xe8\x10\x00\x00\x00");

	ck_assert_int_eq(insn.flow, HI_FLOW_CALL);
	ck_assert_uint_eq(insn.target_link, 0x1015);
	insn = MEASURE("\xeb\xfe");
	ck_assert_int_eq(insn.flow, HI_FLOW_JUMP);
	ck_assert_uint_eq(insn.target_link, 0x1000);
	insn = MEASURE("\x0f\x85\xfa\xff\xff\xff");
	ck_assert_int_eq(insn.flow, HI_FLOW_BRANCH);
	ck_assert_uint_eq(insn.target_link, 0x1000);
	insn = MEASURE("\xe3\x02");
	ck_assert_int_eq(insn.flow, HI_FLOW_BRANCH);
	ck_assert_uint_eq(insn.target_link, 0x1004);
	insn = MEASURE("\xff\x25\x00\x00\x00\x00");
	ck_assert_int_eq(insn.flow, HI_FLOW_JUMP);
	ck_assert_uint_eq(insn.target_link, 0);
}
END_TEST

START_TEST(a_rip_relative_operand_ends_after_its_immediate)
{
	/* movl $7, 0x20(%rip) */
	struct hi_insn insn =
		MEASURE("\xc7\x05\x20\x00\x00\x00\x07\x00\x00\x00");

	ck_assert(insn.rip_relative);
	ck_assert_uint_eq(insn.disp_offset, 2);
	ck_assert_uint_eq(insn.data_link, 0x1000 + 10 + 0x20);
	/* movw $7, 0x20(%rip): the prefix halves the immediate only */
	insn = MEASURE("\x66\xc7\x05\x20\x00\x00\x00\x07\x00");
	ck_assert_uint_eq(insn.disp_len, 4);
	ck_assert_uint_eq(insn.data_link, 0x1000 + 9 + 0x20);
}
END_TEST

START_TEST(padding_and_endbr64_are_known)
{
	ck_assert(MEASURE("\xf3\x0f\x1e\xfa").is_endbr64);
	ck_assert(MEASURE("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00").is_nop);
	ck_assert(MEASURE("\xcc").is_nop);
	ck_assert(MEASURE("\x66\x90").is_nop);
	ck_assert(!MEASURE("\xf3\x90").is_nop); /* pause */
	ck_assert(!MEASURE("\x41\x90").is_nop); /* xchg %r8d,%eax */
	ck_assert(!MEASURE("\x00\x00").is_nop);
}
END_TEST

START_TEST(what_is_no_instruction_is_refused)
{
	static const char *const bad[] = {
		"\x06",     "\xea",
		"\x0f\x0a", "\x66\xe8\x01\x02\x03\x04",
		"\xd6",     "\x48\x8d\x05\x01"
	};
	struct hi_insn insn;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(hi_insn_measure((const uint8_t *)bad[i],
						 strlen(bad[i]), 0, &insn),
				 0);
}
END_TEST

START_TEST(the_decoder_tells_what_registers_do)
{
	struct hi_decoder *decoder;
	struct hi_effect effect;
	struct hi_insn insn;

	ck_assert_int_eq(hi_decoder_new(&decoder, NULL), 0);
	/* mov %rax,%rbx */
	ck_assert_int_eq(hi_decoder_next(decoder,
					 (const uint8_t *)"\x48\x89\xc3", 3, 0,
					 &insn, &effect),
			 3);
	ck_assert_uint_eq(effect.copy_from, 0);
	ck_assert_uint_eq(effect.copy_to, 3);
	ck_assert_uint_eq(effect.writes, 1 << 3);
	/* mov %eax,0x80(%r12) */
	ck_assert_int_eq(
		hi_decoder_next(
			decoder,
			(const uint8_t *)"\x41\x89\x84\x24\x80\x00\x00\x00", 8,
			0, &insn, &effect),
		8);
	ck_assert_uint_eq(effect.base_reg, 12);
	ck_assert_uint_eq(effect.index_reg, HI_REG_NONE);
	ck_assert_uint_eq(effect.writes, 0);
	hi_decoder_free(decoder);
}
END_TEST

static void assert_same(const struct hi_insn *a, const struct hi_insn *b)
{
	ck_assert_msg(a->len == b->len && a->flow == b->flow &&
			      a->target_link == b->target_link &&
			      a->data_link == b->data_link &&
			      a->sib_offset == b->sib_offset &&
			      a->disp_offset == b->disp_offset &&
			      a->disp_len == b->disp_len &&
			      a->imm_offset == b->imm_offset &&
			      a->imm_len == b->imm_len &&
			      a->is_lea == b->is_lea &&
			      a->is_nop == b->is_nop &&
			      a->is_endbr64 == b->is_endbr64,
		      "the readers differ at %#lx", (long)a->addr_link);
}

/* Compare both readers over one function; how many instructions. */
static long compare(struct hi_decoder *decoder, const uint8_t *bytes,
		    size_t len, uint64_t addr)
{
	struct hi_insn a, b;
	long n = 0;

	for (size_t at = 0; at < len; n++) {
		int len_a =
			hi_insn_measure(bytes + at, len - at, addr + at, &a);

		if (!len_a)
			break;
		if (hi_decoder_next(decoder, bytes + at, len - at, addr + at,
				    &b, NULL))
			assert_same(&a, &b);
		at += len_a;
	}
	return n;
}

START_TEST(both_readers_agree_on_the_c_library)
{
	const char *path = "/lib/x86_64-linux-gnu/libc.so.6";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hi_decoder *decoder;
	Elf_Scn *section = NULL;
	long n = 0;
	size_t len;
	Elf *elf;
	char *file;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	ck_assert_ptr_nonnull(elf);
	file = elf_rawfile(elf, &len);
	ck_assert_int_eq(hi_decoder_new(&decoder, NULL), 0);
	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;
		GElf_Shdr shdr;
		GElf_Sym sym;

		gelf_getshdr(section, &shdr);
		if (shdr.sh_type != SHT_DYNSYM)
			continue;
		data = elf_getdata(section, NULL);
		/* in the C library's text, offsets are addresses */
		for (int i = 0; gelf_getsym(data, i, &sym); i++)
			if (GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
			    sym.st_value + sym.st_size < len)
				n += compare(decoder,
					     (uint8_t *)file + sym.st_value,
					     sym.st_size, sym.st_value);
	}
	ck_assert_int_gt(n, 50000);
	hi_decoder_free(decoder);
	elf_end(elf);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("insn");
	TCase *tcase = tcase_create("insn");

	tcase_add_test(tcase, a_branch_names_its_target);
	tcase_add_test(tcase, a_rip_relative_operand_ends_after_its_immediate);
	tcase_add_test(tcase, padding_and_endbr64_are_known);
	tcase_add_test(tcase, what_is_no_instruction_is_refused);
	tcase_add_test(tcase, the_decoder_tells_what_registers_do);
	tcase_add_test(tcase, both_readers_agree_on_the_c_library);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
