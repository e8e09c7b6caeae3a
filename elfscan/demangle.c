#include "elfscan/demangle.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* From the C++ runtime, which has no header that C could include. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *length,
		     int *status);

/* "::h0123456789abcdef": a hash that changes with the compiler, no name. */
#define RUST_HASH_LEN 19

static void cut_rust_hash(char *text)
{
	size_t len = strlen(text);
	char *hash;

	if (len <= RUST_HASH_LEN)
		return;
	hash = text + len - RUST_HASH_LEN;
	if (!strncmp(hash, "::h", 3) &&
	    strspn(hash + 3, "0123456789abcdef") == 16)
		*hash = '\0';
}

char *hi_demangle(const char *name)
{
	int status = 0;
	char *text = NULL;

	if (!strncmp(name, "_Z", 2))
		text = __cxa_demangle(name, NULL, NULL, &status);
	if (!text)
		return strdup(name);
	if (strstr(name, "17h"))
		cut_rust_hash(text);
	return text;
}
