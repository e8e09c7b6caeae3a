/*
 * elsewhere - why a session's files are not where XDG_RUNTIME_DIR says.
 *
 * Ownership: strings are the caller's, for free().
 * Errors:    without memory nothing is explained.
 * Threads:   one.
 * Source:    XDG Base Directory 0.8; statvfs(3).
 */
#ifndef HI_INJECTOR_ELSEWHERE_H
#define HI_INJECTOR_ELSEWHERE_H

/* A sentence about the session's FOLDER; NULL when it is in its place, or the
   variable names none. */
char *hi_elsewhere_explain(const char *folder);

#endif
