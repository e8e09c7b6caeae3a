/*
 * report_string - text of any bytes as a string of JSON.
 *
 * Ownership: the caller ends the string, or hands it on.
 * Errors:    NULL when out of memory.
 * Source:    RFC 8259 ch. 8.1; Unicode 15 table 3-7.
 */
#ifndef HI_ELFSCAN_REPORT_STRING_H
#define HI_ELFSCAN_REPORT_STRING_H

#include <jansson.h>

/* Names and paths may be of any bytes; those that are no UTF-8 become U+FFFD each. */
json_t *hi_report_string(const char *text);

#endif
