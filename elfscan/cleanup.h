/*
 * cleanup - what a frame would do when an exception leaves it: C++ destructors, Rust
 * drops, and with -fexceptions the cleanup attribute of C.
 *
 *     .eh_frame_hdr -> FDE -> LSDA (.gcc_except_table):
 *         landing pads of the calls | what each does | types
 *
 * The table is for calls that may throw. Nothing is known of a frame that stands
 * elsewhere: at an instruction that was never meant to fail, or in the call of
 * something that the compiler knows not to throw. Of a call inside a block that
 * catches everything, it does not tell what is done after the block, and clang's not
 * what is done at its end.
 *
 * Units:     addresses are link-time.
 * Ownership: nothing is handed over.
 * Errors:    none; what the file does not tell, or tells in a form that no compiler
 *            writes, is no cleanup.
 * Threads:   no shared state.
 * Source:    LSB 5.0 Core, "Exception Frames"; Itanium C++ ABI, "Exception Handling
 *            Tables" (LSDA, call-site and action tables).
 */
#ifndef HI_ELFSCAN_CLEANUP_H
#define HI_ELFSCAN_CLEANUP_H

#include <stdbool.h>
#include <stdint.h>

#include "elfscan/image.h"

/*
 * Whether the frame that stands at PC_LINK (of a caller: inside the call instruction)
 * has something to clean up. Handlers alone (catch, noexcept) are nothing.
 */
bool hi_cleanup_at(const struct hi_image *image, uint64_t pc_link);

#endif
