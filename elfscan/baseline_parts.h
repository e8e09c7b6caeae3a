/*
 * baseline_parts - what writing and reading a baseline share; no one else includes
 * it.
 */
#ifndef HI_ELFSCAN_BASELINE_PARTS_H
#define HI_ELFSCAN_BASELINE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#define HI_BASELINE_MAGIC   "elfscan baseline "
#define HI_BASELINE_VERSION 1

/* A word that means something, so that a name like it stands in quotes. */
bool hi_baseline_is_word(const char *text);

/* "signed", "unsigned", "float", ... for DW_ATE_...; and back, 0: unknown. */
const char *hi_baseline_get_encoding(uint8_t encoding);
uint8_t hi_baseline_find_encoding(const char *text);

#endif
