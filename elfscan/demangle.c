#include "elfscan/demangle.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* __cxa_demangle(), Itanium C++ ABI 3.4 */
typedef char *demangle_name(const char *mangled, char *buffer, size_t *length,
			    int *status);

/*
 * It is in the C++ runtime, which takes as long to load as a small library takes to
 * compare, and more memory than the rest of the process: it is loaded for the first
 * name that needs it, and stays. Without it names are shown as they are.
 */
static demangle_name *find_demangle(void)
{
	static const char *const runtimes[] = { "libstdc++.so.6",
						"libc++abi.so.1" };
	demangle_name *found = NULL;

	for (size_t i = 0; i < 2 && !found; i++) {
		void *runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NODELETE);

		if (!runtime)
			continue;
		*(void **)&found = dlsym(runtime, "__cxa_demangle");
		dlclose(runtime);
	}
	return found;
}

/* "::h0123456789abcdef": a hash that changes with the compiler, no name. */
#define RUST_HASH_LEN 19

static bool cut_rust_hash(char *text)
{
	size_t len = strlen(text);
	char *hash;

	if (len <= RUST_HASH_LEN)
		return false;
	hash = text + len - RUST_HASH_LEN;
	if (strncmp(hash, "::h", 3) != 0 ||
	    strspn(hash + 3, "0123456789abcdef") != 16)
		return false;
	*hash = '\0';
	return true;
}

/* "$LT$" and ".." stand for what a name of C++ cannot have. */
static void undo_rust_escapes(char *text)
{
	static const char *const escapes[][2] = {
		{ "_$u7b$", "{" }, { "$LT$", "<" },  { "$GT$", ">" },
		{ "$RF$", "&" },   { "$BP$", "*" },  { "$LP$", "(" },
		{ "$RP$", ")" },   { "$C$", "," },   { "$u20$", " " },
		{ "$u27$", "'" },  { "$u5b$", "[" }, { "$u5d$", "]" },
		{ "$u7b$", "{" },  { "$u7d$", "}" }, { "$u7e$", "~" },
		{ "..", "::" },
	};
	const char *at = text;

	while (*at) {
		const char *const *found = NULL;
		size_t len;

		for (size_t i = 0;
		     !found && i < sizeof(escapes) / sizeof(*escapes); i++)
			if (!strncmp(at, escapes[i][0], strlen(escapes[i][0])))
				found = escapes[i];
		if (!found) {
			*text++ = *at++;
			continue;
		}
		len = strlen(found[1]); /* never longer than what it is for */
		memcpy(text, found[1], len);
		text += len;
		at += strlen(found[0]);
	}
	*text = '\0';
}

char *hi_demangle(const char *name)
{
	demangle_name *demangle = !strncmp(name, "_Z", 2) ? find_demangle() :
							    NULL;
	int status = 0;
	char *text = demangle ? demangle(name, NULL, NULL, &status) : NULL;

	if (!text)
		return strdup(name);
	if (strstr(name, "17h") && cut_rust_hash(text))
		undo_rust_escapes(text);
	return text;
}
