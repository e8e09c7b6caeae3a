/*
 * Whether an entry is that of a symbol at its address, by their names.
 */
#include <string.h>

#include "elfscan/dies_parts.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* _ZN1AD1Ev, _ZN1AC2IiEEv, _ZN1BCI21AEi (Itanium C++ ABI 5.1.4.3) */
size_t hi_dies_find_digit(const char *name)
{
	size_t len = strlen(name);

	if (strncmp(name, "_ZN", 3) != 0)
		return 0;
	for (size_t at = 4; at + 1 < len; at++) {
		char before = name[at - 1], behind = name[at + 1];
		bool inherits = before == 'I' && name[at - 2] == 'C';

		if (!is_digit(name[at]) ||
		    (before != 'C' && before != 'D' && !inherits))
			continue;
		if (inherits || behind == 'E' || behind == 'I' || behind == 'B')
			return at;
	}
	return 0;
}

/* Whether both are symbols of one constructor or destructor. */
static bool is_variant(const char *a, const char *b)
{
	size_t at = hi_dies_find_digit(a);

	return at && hi_dies_find_digit(b) == at && !strncmp(a, b, at) &&
	       !strcmp(a + at + 1, b + at + 1);
}

/* "f.part.0" of "f" */
static bool is_clone(const char *name, const char *linkage)
{
	size_t len = strlen(linkage);

	return !strncmp(name, linkage, len) && name[len] == '.';
}

/* Both names are mangled, and differ. */
static uint8_t compare_mangled(const char *linkage,
			       const struct hi_symbol *symbol)
{
	if (is_variant(linkage, symbol->name) ||
	    is_clone(symbol->name, linkage))
		return 2;
	/* what another class is made by may lie at the same place, and takes
	   another object */
	return hi_dies_find_digit(symbol->name) ? 0 : 1;
}

uint8_t hi_dies_get_fit(const char *linkage, const char *name,
			const struct hi_symbol *symbol)
{
	if (linkage && !strcmp(linkage, symbol->name))
		return 3;
	if (linkage && !strncmp(linkage, "_Z", 2) &&
	    !strncmp(symbol->name, "_Z", 2))
		return compare_mangled(linkage, symbol);
	if (!name)
		return 1;
	if (!strcmp(name, symbol->name) || !strcmp(name, symbol->base))
		return linkage ? 2 : 3;
	/* "~A" is nowhere in _ZN1AD1Ev */
	name += *name == '~';
	return strstr(symbol->name, name) ? 2 : 1;
}
