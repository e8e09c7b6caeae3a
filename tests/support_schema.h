/*
 * support_schema - JSON against a JSON Schema.
 *
 * Of the schema language so much as tests/schemas needs: $ref to #/definitions,
 * type, enum, required, properties, additionalProperties, items, minItems,
 * uniqueItems, minimum, minLength, and format "uri" and "uri-reference". Any other
 * word but title, description and definitions is an error, so that no rule is
 * passed over in silence.
 *
 * Source: JSON Schema draft-07, Validation ch. 6; RFC 3986 ch. 4.1.
 */
#ifndef HI_TESTS_SUPPORT_SCHEMA_H
#define HI_TESTS_SUPPORT_SCHEMA_H

#include <jansson.h>

/* What is wrong, "findings[2].line: 0 is below 1"; the caller frees it. NULL: VALUE
   is as SCHEMA wants it. */
char *support_schema_check(json_t *schema, json_t *value);

#endif
