/*
 * prologue - may the entry of a function be overwritten with a jump?
 *
 * The old body is never run again once its entry jumps away, so no instruction
 * is relocated. What must hold: the function decodes as whole instructions from
 * its entry to its end, nothing in the image branches into the bytes that
 * follow the first one, and the bytes belong to this function or to padding that
 * follows it (nop, int3) before the next symbol.
 *
 * Units:     addresses are link-time, lengths bytes.
 * Ownership: reasons are string constants.
 * Threads:   read-only.
 * Source:    Intel SDM vol. 2; padding as GNU as, LLVM MC and mold write it.
 */
#ifndef HI_ELFSCAN_PROLOGUE_H
#define HI_ELFSCAN_PROLOGUE_H

#include <stdint.h>

#include "elfscan/reloc.h"
#include "elfscan/text.h"

#define HI_JUMP_LEN 5 /* jmp rel32 */

struct hi_prologue {
	bool patchable;
	uint8_t jump_at;    /* 0, or 4 after an endbr64 that is kept */
	uint8_t window;     /* bytes from the entry that change: jump_at + 5 */
	const char *reason; /* why not, or NULL: "shorter than 5 bytes", ... */
};

/*
 * Judge every function of TEXT's symtab (RELOCS are the dynamic relocations, which
 * may hold addresses of labels); *ret_prologues has one entry for each, in the
 * order of hi_symtab_get_functions(), and is released with free(). IFUNC
 * symbols (their address is a resolver), clones and compiler-made functions are
 * not patchable and say so.
 */
int hi_prologue_check_all(const struct hi_text *text,
			  const struct hi_reloc *relocs, size_t n_relocs,
			  struct hi_prologue **ret_prologues,
			  struct hi_err *err) HI_MUST_USE;

#endif
