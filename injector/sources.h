/*
 * sources - tells when a source file in some folders, or in folders of theirs, has
 * changed.
 *
 * Sources are known by the ends of their names (hi_sources_is_source()). A file that is
 * written anew with what it held before has not changed, and one that is another in
 * each of three runs of the build on end is taken for what the build makes: it does not
 * start itself over and over. Hidden folders are not looked into,
 * nor links to folders, nor those in which builds keep what they make.
 *
 * Ownership: hi_sources_new() gives a watch that hi_sources_free() ends.
 * Errors:    HI_E_SYS with a sentence that names the folder; one that cannot be read
 *            below the named ones is passed over.
 * Threads:   one.
 * Source:    inotify(7).
 */
#ifndef HI_INJECTOR_SOURCES_H
#define HI_INJECTOR_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct hi_sources;

int hi_sources_new(const char *const *folders, size_t n_folders,
		   struct hi_sources **ret_sources,
		   struct hi_err *err) HI_MUST_USE;
void hi_sources_free(struct hi_sources *sources);
/* A descriptor that polls readable when hi_sources_read() has news. */
int hi_sources_get_fd(const struct hi_sources *sources);
/*
 * Take all pending news without blocking: whether a source has changed since the last
 * time. RUN is the number of the build's run that is under way, from 1 on; or 0. The
 * first writing to be seen is a change whatever the file held before. Fails once, when
 * a new folder cannot be watched; the others are watched on.
 */
int hi_sources_read(struct hi_sources *sources, unsigned int run,
		    struct hi_err *err) HI_MUST_USE;

/* Whether a file of that base name is a source. */
bool hi_sources_is_source(const char *name);

#endif
