/*
 * brief - the names of C++ and Rust at a length that can be read in a line.
 *
 *     std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >
 *         std::string
 *     void std::__sort<int*, ...>(int*, int*, ...)
 *         std::__sort<...>()
 *
 * Units:     lengths are bytes.
 * Ownership: everything is added to the caller's buffer.
 * Errors:    lack of memory shows in the buffer.
 * Threads:   independent calls.
 */
#ifndef HI_INJECTOR_BRIEF_H
#define HI_INJECTOR_BRIEF_H

#include "common/buf.h"

/* TEXT, any that types and functions are named in, without the arguments that
   templates of the standard library have by default. */
void hi_brief_text(struct hi_buf *buf, const char *text);

/*
 * The demangled NAME of a function like that, and when it is longer than MAX, without
 * its parameters, arguments of templates and type. What is far longer even so is cut.
 */
void hi_brief_name(struct hi_buf *buf, const char *name, size_t max);

#endif
