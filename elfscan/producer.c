#include "elfscan/producer.h"

#include <dwarf.h>
#include <string.h>

#include "elfscan/insn_clobbers.h"

void hi_producers_init(struct hi_producers *producers,
		       const struct hi_image *image)
{
	memset(producers, 0, sizeof(*producers));
	hi_dies_init(&producers->dies, image, NULL);
}

void hi_producers_done(struct hi_producers *producers)
{
	hi_dies_done(&producers->dies);
}

/* The level that counts is the last one that was given. */
static bool is_optimized(const char *producer)
{
	bool optimized = false;

	for (const char *at = strstr(producer, " -O"); at;
	     at = strstr(at + 1, " -O"))
		optimized = at[3] != '0';
	return optimized;
}

uint64_t hi_producer_get_relied(const char *producer)
{
	uint64_t relied = HI_CLOBBERS_ALL;

	/* LLVM has the like (-enable-ipra), and on x86 it is off */
	if (strstr(producer, "clang") || strstr(producer, "rustc"))
		return 0;
	if (strncmp(producer, "GNU ", 4) != 0)
		return relied;
	if (strstr(producer, " -flive-patching"))
		return 0;
	if (!is_optimized(producer) || strstr(producer, " -fno-ipa-ra"))
		relied &= ~HI_CLOBBERS_REGISTERS;
	/* on without optimization, too */
	if (strstr(producer, " -fno-ipa-stack-alignment"))
		relied &= ~HI_CLOBBERS_STACK;
	return relied;
}

uint64_t hi_producers_get_relied(struct hi_producers *producers,
				 uint64_t addr_link)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	Dwarf_Attribute attribute;

	if (!producers->dies.dwarf)
		return HI_CLOBBERS_ALL;
	while (dwarf_get_units(producers->dies.dwarf, unit, &unit, NULL, NULL,
			       &die, NULL) == 0) {
		const char *words;

		if (dwarf_haspc(&die, addr_link) != 1)
			continue;
		words = dwarf_formstring(
			dwarf_attr(&die, DW_AT_producer, &attribute));
		return words ? hi_producer_get_relied(words) : HI_CLOBBERS_ALL;
	}
	return HI_CLOBBERS_ALL;
}
