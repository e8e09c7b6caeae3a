/*
 * demangle - the name of a function as its source has it.
 *
 * Ownership: the text is the caller's (free).
 * Errors:    a name that is not mangled, or that cannot be read, is given back as
 *            it is; NULL only on lack of memory.
 * Threads:   independent calls.
 * Source:    Itanium C++ ABI ch. 5.1; Rust RFC 2603 tells the older scheme, which
 *            ends in 17h, 16 hex digits and E.
 */
#ifndef HI_ELFSCAN_DEMANGLE_H
#define HI_ELFSCAN_DEMANGLE_H

char *hi_demangle(const char *name);

#endif
