#include "elfscan/insn.h"

#include <string.h>

/*
 * One letter for each opcode: what follows it.
 *
 *   .  nothing            m  ModRM              x  invalid in 64-bit mode
 *   b  imm8               B  ModRM, imm8        p  prefix or escape
 *   z  imm16/32           Z  ModRM, imm16/32    v  imm16/32/64
 *   w  imm16              e  imm16, imm8        o  8-byte address
 *   j  rel8               J  rel32              3  ModRM, imm8 if reg < 2
 *   4  ModRM, imm16/32 if reg < 2               r  ModRM, registers only
 */
static const char one_byte[257] =
	/* 0                 8               */
	"mmmmbzxxmmmmbzxp"
	"mmmmbzxxmmmmbzxx" /* 00, 10 */
	"mmmmbzpxmmmmbzpx"
	"mmmmbzpxmmmmbzpx" /* 20, 30 */
	"pppppppppppppppp"
	"................" /* 40, 50 */
	"xxpmppppzZbB...."
	"jjjjjjjjjjjjjjjj" /* 60, 70 */
	"BZxBmmmmmmmmmmmm"
	"..........x....." /* 80, 90 */
	"oooo....bz......"
	"bbbbbbbbvvvvvvvv" /* a0, b0 */
	"BBw.ppBZe.w..bx."
	"mmmmxxx.mmmmmmmm" /* c0, d0 */
	"jjjjbbbbJJxj...."
	"p.pp..34......mm" /* e0, f0 */;

static const char two_byte[257] = "mmmmx.....x.xm.B"
				  "mmmmmmmmmmmmmmmm" /* 00, 10 */
				  "rrrrxxxxmmmmmmmm"
				  "......x.pxpxxxxx" /* 20, 30 */
				  "mmmmmmmmmmmmmmmm"
				  "mmmmmmmmmmmmmmmm" /* 40, 50 */
				  "mmmmmmmmmmmmmmmm"
				  "BBBBmmm.mmxxmmmm" /* 60, 70 */
				  "JJJJJJJJJJJJJJJJ"
				  "mmmmmmmmmmmmmmmm" /* 80, 90 */
				  "...mBmmm...mBmmm"
				  "mmmmmmmmmmBmmmmm" /* a0, b0 */
				  "mmBmBBBm........"
				  "mmmmmmmmmmmmmmmm" /* c0, d0 */
				  "mmmmmmmmmmmmmmmm"
				  "mmmmmmmmmmmmmmmm" /* e0, f0 */;

/* The reader's place in one instruction. */
struct scan {
	const uint8_t *bytes;
	size_t at;
	uint8_t map; /* 0: one byte, 1: 0f, 2: 0f38, 3: 0f3a, 5, 6: EVEX,
			8 to 10: XOP */
	uint8_t opcode;
	uint8_t modrm;
	bool vex;
	bool osize, asize, repne, rep, rex_w, rex_b;
};

static inline uint8_t take(struct scan *s)
{
	return s->bytes[s->at++];
}

static inline int32_t read_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Prefixes up to the first byte that is none; that byte. */
static uint8_t scan_prefixes(struct scan *s)
{
	for (;;) {
		uint8_t byte = take(s);

		if (one_byte[byte] != 'p')
			return byte;
		switch (byte) {
		case 0x66:
			s->osize = true;
			break;
		case 0x67:
			s->asize = true;
			break;
		case 0xf2:
			s->repne = true;
			break;
		case 0xf3:
			s->rep = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0xf0:
			break;
		default:
			/* a REX counts only right before the opcode */
			if ((byte & 0xf0) == 0x40) {
				s->rex_w = byte & 8;
				s->rex_b = byte & 1;
				byte = take(s);
			}
			return byte;
		}
		if (s->at >= HI_INSN_MAX)
			return 0x06; /* an opcode that is invalid */
	}
}

/* VEX and EVEX: map and opcode; false when the map is unknown. */
static bool scan_vex(struct scan *s, uint8_t first, struct hi_insn *insn)
{
	s->vex = true;
	s->map = 1;
	if (first == 0xc5) {
		take(s);
	} else {
		uint8_t p0 = take(s);

		s->map = first == 0x62 ? p0 & 7 : p0 & 0x1f;
		s->rex_w = take(s) & 0x80;
		if (first == 0x62) {
			insn->is_evex = true;
			take(s);
		}
	}
	s->opcode = take(s);
	return (s->map >= 1 && s->map <= 3) ||
	       (insn->is_evex && (s->map == 5 || s->map == 6));
}

static char scan_xop(struct scan *s)
{
	s->vex = true;
	s->map = take(s) & 0x1f;
	take(s);
	s->opcode = take(s);
	switch (s->map) {
	case 8:
		return 'B';
	case 9:
		return 'm';
	case 10:
		return 'Z';
	default:
		return 'x';
	}
}

/* The letter of the opcode that follows the prefixes. */
static char scan_opcode(struct scan *s, struct hi_insn *insn)
{
	uint8_t byte = scan_prefixes(s);

	if (byte == 0xc5 || byte == 0xc4 || byte == 0x62) {
		if (!scan_vex(s, byte, insn))
			return 'x';
		if (s->map == 1)
			return (char)(two_byte[s->opcode] == 'J' ?
					      'm' :
					      two_byte[s->opcode]);
		return s->map == 3 ? 'B' : 'm';
	}
	/* pop's ModRM has reg 0, so that AMD could put XOP here */
	if (byte == 0x8f && (s->bytes[s->at] & 0x18))
		return scan_xop(s);
	s->opcode = byte;
	if (byte != 0x0f)
		return one_byte[byte];
	s->map = 1;
	s->opcode = take(s);
	if (s->opcode == 0x38 || s->opcode == 0x3a) {
		s->map = s->opcode == 0x38 ? 2 : 3;
		s->opcode = take(s);
		return s->map == 3 ? 'B' : 'm';
	}
	/* SSE4a's extrq and insertq carry two immediates */
	if (s->opcode == 0x78 && (s->osize || s->repne))
		return 'x';
	return two_byte[s->opcode];
}

static void scan_modrm(struct scan *s, struct hi_insn *insn, bool registers)
{
	uint8_t mod, rm;

	s->modrm = take(s);
	mod = s->modrm >> 6;
	rm = s->modrm & 7;
	if (mod == 3 || registers)
		return;
	if (rm == 4) {
		uint8_t sib;

		insn->sib_offset = s->at;
		sib = take(s);

		if (mod == 0 && (sib & 7) == 5)
			insn->disp_len = 4;
	} else if (mod == 0 && rm == 5) {
		insn->disp_len = 4;
		insn->rip_relative = true;
	}
	if (mod == 1)
		insn->disp_len = 1;
	else if (mod == 2)
		insn->disp_len = 4;
	if (insn->disp_len)
		insn->disp_offset = s->at;
	s->at += insn->disp_len;
}

/* The immediate's length for an opcode's letter; -1 when it is invalid. */
static int imm_len(const struct scan *s, char letter)
{
	int z = s->osize && !s->rex_w ? 2 : 4;

	switch (letter) {
	case 'b':
	case 'B':
	case 'j':
		return 1;
	case 'z':
	case 'Z':
		return z;
	case 'w':
		return 2;
	case 'e':
		return 3;
	case 'v':
		return s->rex_w ? 8 : z;
	case 'J':
		/* Intel ignores the prefix here, AMD takes a rel16 */
		return s->osize && !s->rex_w ? -1 : 4;
	case '3':
		return (s->modrm & 0x38) < 0x10 ? 1 : 0;
	case '4':
		return (s->modrm & 0x38) < 0x10 ? z : 0;
	case 'x':
	case 'p':
		return -1;
	default:
		return 0;
	}
}

enum kind { PLAIN, BRANCH, CALL, JUMP, END, LEA, NOP, INT3, GROUP5, XBEGIN };

static const uint8_t one_byte_kind[256] = {
	[0x70 ... 0x7f] = BRANCH,
	[0xe0 ... 0xe3] = BRANCH,
	[0xe8] = CALL,
	[0xe9] = JUMP,
	[0xeb] = JUMP,
	[0xc2] = END,
	[0xc3] = END,
	[0xca] = END,
	[0xcb] = END,
	[0xcf] = END,
	[0xf4] = END,
	[0x8d] = LEA,
	[0x90] = NOP,
	[0xcc] = INT3,
	[0xff] = GROUP5,
	[0xc7] = XBEGIN,
};

static void flow_group5(const struct scan *s, struct hi_insn *insn)
{
	uint8_t reg = s->modrm >> 3 & 7;

	if (reg == 2 || reg == 3)
		insn->flow = HI_FLOW_CALL;
	else if (reg == 4 || reg == 5)
		insn->flow = HI_FLOW_JUMP;
}

static void flow_one_byte(const struct scan *s, struct hi_insn *insn)
{
	switch ((enum kind)one_byte_kind[s->opcode]) {
	case PLAIN:
		break;
	case BRANCH:
		insn->flow = HI_FLOW_BRANCH;
		break;
	case CALL:
		insn->flow = HI_FLOW_CALL;
		break;
	case JUMP:
		insn->flow = HI_FLOW_JUMP;
		break;
	case END:
		insn->flow = HI_FLOW_END;
		break;
	case LEA:
		insn->is_lea = true;
		break;
	case NOP:
		/* f3 90 is pause, 41 90 an exchange */
		insn->is_nop = !s->rep && !s->rex_b;
		break;
	case INT3:
		insn->is_nop = true;
		break;
	case GROUP5:
		flow_group5(s, insn);
		break;
	case XBEGIN:
		/* its target is the handler of aborts */
		if (s->modrm == 0xf8)
			insn->flow = HI_FLOW_BRANCH;
		break;
	}
}

static void flow_two_byte(const struct scan *s, struct hi_insn *insn)
{
	uint8_t op = s->opcode;

	if (op >= 0x80 && op <= 0x8f)
		insn->flow = HI_FLOW_BRANCH;
	else if (op == 0x0b || op == 0xb9 || op == 0xff)
		insn->flow = HI_FLOW_END;
	else if (op == 0x1f)
		insn->is_nop = true;
	else if (op == 0x1e && s->rep && s->modrm == 0xfa)
		insn->is_endbr64 = true;
}

/* Where a branch goes, what [rip + disp32] names; len is known. */
static void resolve(const struct scan *s, char letter, struct hi_insn *insn)
{
	uint64_t next = insn->addr_link + insn->len;
	const uint8_t *imm = s->bytes + insn->imm_offset;

	if (letter == 'j')
		insn->target_link = next + (int64_t)(int8_t)*imm;
	else if (letter == 'J' ||
		 (insn->flow == HI_FLOW_BRANCH && insn->imm_len == 4))
		insn->target_link = next + (int64_t)read_i32(imm);
	if (insn->rip_relative)
		insn->data_link =
			next + (int64_t)read_i32(s->bytes + insn->disp_offset);
}

static int measure(const uint8_t *bytes, size_t len, uint64_t addr_link,
		   struct hi_insn *insn)
{
	struct scan s = { .bytes = bytes };
	char letter;
	int imm;

	*insn = (struct hi_insn){ .addr_link = addr_link };
	letter = scan_opcode(&s, insn);
	if (letter == 'm' || letter == 'B' || letter == 'Z' || letter == 'r' ||
	    letter == '3' || letter == '4')
		scan_modrm(&s, insn, letter == 'r');
	imm = letter == 'm' ? 0 : imm_len(&s, letter);
	if (imm < 0)
		return 0;
	if (letter == 'o') {
		insn->disp_offset = s.at;
		insn->disp_len = s.asize ? 4 : 8;
		s.at += insn->disp_len;
	}
	if (imm) {
		insn->imm_offset = s.at;
		insn->imm_len = imm;
		s.at += imm;
	}
	if (s.at > len || s.at > HI_INSN_MAX)
		return 0;
	insn->len = s.at;
	if (s.map == 0)
		flow_one_byte(&s, insn);
	else if (s.map == 1 && !s.vex)
		flow_two_byte(&s, insn);
	resolve(&s, letter, insn);
	return insn->len;
}

int hi_insn_measure(const uint8_t *bytes, size_t len, uint64_t addr_link,
		    struct hi_insn *ret_insn)
{
	/* prefixes end at HI_INSN_MAX; opcode, ModRM, SIB come behind */
	uint8_t padded[2 * HI_INSN_MAX] = { 0 };

	if (len >= sizeof(padded))
		return measure(bytes, len, addr_link, ret_insn);
	memcpy(padded, bytes, len);
	return measure(padded, len, addr_link, ret_insn);
}
