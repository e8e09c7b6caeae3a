#include <dwarf.h>
#include <stddef.h>
#include <string.h>

#include "elfscan/baseline_parts.h"

bool hi_baseline_is_word(const char *text)
{
	static const char *const words[] = {
		"const",  "volatile", "restrict", "_Atomic",  "struct",
		"class",  "union",    "enum",     "void",     "weak",
		"unique", "version",  "base",     "bits",     "bytes",
		"member", "slot",     "virtual",  "declared", "aligned",
		"vector", ":",        "...",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static const struct {
	uint8_t encoding;
	const char *text;
} encodings[] = {
	{ DW_ATE_signed, "signed" },
	{ DW_ATE_unsigned, "unsigned" },
	{ DW_ATE_signed_char, "signed-char" },
	{ DW_ATE_unsigned_char, "unsigned-char" },
	{ DW_ATE_boolean, "boolean" },
	{ DW_ATE_float, "float" },
	{ DW_ATE_complex_float, "complex" },
	{ DW_ATE_imaginary_float, "imaginary" },
	{ DW_ATE_decimal_float, "decimal" },
	{ DW_ATE_UTF, "utf" },
	{ DW_ATE_address, "address" },
	{ 0, "other" },
};

const char *hi_baseline_get_encoding(uint8_t encoding)
{
	size_t i = 0;

	while (encodings[i].encoding && encodings[i].encoding != encoding)
		i++;
	return encodings[i].text;
}

uint8_t hi_baseline_find_encoding(const char *text)
{
	size_t i = 0;

	while (encodings[i].encoding && strcmp(encodings[i].text, text) != 0)
		i++;
	return encodings[i].encoding;
}
