/*
 * The parts of result: see result.h.
 */
#ifndef HI_ELFSCAN_RESULT_PARTS_H
#define HI_ELFSCAN_RESULT_PARTS_H

#include <stdbool.h>

#include "elfscan/copying.h"
#include "elfscan/die.h"
#include "elfscan/dies.h"
#include "elfscan/result.h"

struct hi_result_reader {
	struct hi_dies *dies;
	int language;
	Dwarf_Half version;
	bool is_gnu;       /* compiled by gcc */
	bool is_clang;     /* by a compiler of LLVM, whichever language */
	bool is_doubtful;  /* what is defaulted is not marked */
	bool is_rust_abi;  /* Rust's own convention, not that of C */
	bool is_unchecked; /* alignment does not count here */
	int depth;         /* of types inside types */
};

/* How deep types may be inside types; damage may lead in circles. */
#define HI_RESULT_DEPTH_MAX 32

bool hi_result_find_function(struct hi_dies *dies, uint64_t addr_link,
			     Dwarf_Die *ret_die);

/* TYPE without typedefs and qualifiers, and not only declared; false when there is
   no such entry. */
bool hi_result_peel(const struct hi_result_reader *reader,
		    const Dwarf_Die *type, struct hi_die *ret_entry);

/* The definition of the type that DECLARED only declares, in any unit. */
bool hi_result_find_definition(const struct hi_result_reader *reader,
			       const struct hi_die *declared,
			       struct hi_die *ret_entry);

/* The size of a class that no unit defines, because it is in a library that everybody
   has, and that is known to be in memory; or 0. */
uint64_t hi_result_get_known_size(const struct hi_result_reader *reader,
				  const Dwarf_Die *type);

/* Whether a class, or one inside it, cannot be copied byte by byte. */
enum hi_answer hi_result_is_non_trivial(struct hi_result_reader *reader,
					const struct hi_die *type);

/* How a result of TYPE is returned. */
struct hi_result hi_result_classify(struct hi_result_reader *reader,
				    const Dwarf_Die *type);

/* What the entry itself says, or 0. */
uint64_t hi_result_get_size(const struct hi_die *entry);
bool hi_result_is_vector(const struct hi_die *array);

#endif
