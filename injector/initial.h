/*
 * initial - variables that a new build begins with another value, which nobody sees:
 * they live on with the one that they have.
 *
 * Ownership: the list is the caller's (free); the names are the build's.
 * Errors:    without memory there are none.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_INITIAL_H
#define HI_INJECTOR_INITIAL_H

#include "injector/build.h"

/*
 * Of those that BUILD keeps; PREVIOUS was live before it. Pointers are compared by what
 * they lead to: a function, a variable, a string. Thread-locals are not. A value with
 * which the variable began in its first build is not told.
 */
const char **hi_initial_find(const struct hi_build *previous,
			     const struct hi_build *build, size_t *ret_n);

#endif
