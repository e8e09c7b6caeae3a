#include "tests/support_schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

struct check {
	json_t *root;
	char *wrong; /* the first thing, or NULL */
};

static void check(struct check *run, json_t *schema, json_t *value,
		  const char *path);

static void fail(struct check *run, const char *path, const char *what,
		 const char *detail)
{
	if (!run->wrong &&
	    asprintf(&run->wrong, "%s: %s %s", path, what, detail) < 0)
		abort();
}

static char *join(const char *path, const char *key)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", path, *path ? "." : "", key) < 0)
		abort();
	return joined;
}

static const char *get_type(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "integer";
	case JSON_TRUE:
	case JSON_FALSE:
		return "boolean";
	default:
		return "other";
	}
}

static bool has(json_t *list, json_t *value)
{
	json_t *each;
	size_t i;

	json_array_foreach(list, i, each) {
		if (json_equal(each, value))
			return true;
	}
	return false;
}

/* --- strings ------------------------------------------------------------------- */

static bool is_uri(const char *text, bool needs_scheme)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~:/?#[]@!$&'()*+,;=";
	size_t segment = strcspn(text, "/?#");
	const char *colon = memchr(text, ':', segment);

	for (const char *at = text; *at; at++) {
		if (*at == '%' && strspn(at + 1, "0123456789ABCDEFabcdef") >= 2)
			at += 2;
		else if (!strchr(plain, *at))
			return false;
	}
	/* a colon in the first segment would end a scheme */
	return needs_scheme ? colon != NULL : colon == NULL;
}

static void check_string(struct check *run, json_t *schema, const char *text,
			 const char *path)
{
	const char *format =
		json_string_value(json_object_get(schema, "format"));

	if ((json_int_t)strlen(text) <
	    json_integer_value(json_object_get(schema, "minLength")))
		fail(run, path, "is too short:", text);
	if (format && !is_uri(text, !strcmp(format, "uri")))
		fail(run, path, "is no URI:", text);
}

/* --- objects and arrays ----------------------------------------------------------- */

static void check_object(struct check *run, json_t *schema, json_t *object,
			 const char *path)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *others = json_object_get(schema, "additionalProperties");
	json_t *required = json_object_get(schema, "required");
	json_t *value;
	const char *key;
	size_t i;

	json_array_foreach(required, i, value) {
		if (!json_object_get(object, json_string_value(value)))
			fail(run, path, "lacks", json_string_value(value));
	}
	json_object_foreach(object, key, value) {
		json_t *inner = json_object_get(properties, key);
		char *HI_FREE inside = join(path, key);

		if (!inner && json_is_false(others))
			fail(run, path, "may not have", key);
		if (!inner && json_is_object(others))
			inner = others;
		if (inner)
			check(run, inner, value, inside);
	}
}

static void check_array(struct check *run, json_t *schema, json_t *array,
			const char *path)
{
	json_t *items = json_object_get(schema, "items"), *value;
	bool unique = json_is_true(json_object_get(schema, "uniqueItems"));
	json_t *seen = json_array();
	size_t i;

	if ((json_int_t)json_array_size(array) <
	    json_integer_value(json_object_get(schema, "minItems")))
		fail(run, path, "has too few items", "");
	json_array_foreach(array, i, value) {
		char *HI_FREE inside = NULL;

		if (asprintf(&inside, "%s[%zu]", path, i) < 0)
			abort();
		if (unique && has(seen, value))
			fail(run, inside, "is there twice", "");
		json_array_append(seen, value);
		if (items)
			check(run, items, value, inside);
	}
	json_decref(seen);
}

/* --- any value ------------------------------------------------------------------- */

static void check_words(struct check *run, json_t *schema)
{
	static const char *const words[] = {
		"title",    "description", "definitions",
		"$ref",     "type",        "enum",
		"required", "properties",  "additionalProperties",
		"items",    "minItems",    "uniqueItems",
		"minimum",  "minLength",   "format"
	};
	json_t *value;
	const char *key;

	json_object_foreach(schema, key, value) {
		size_t i = 0, n = sizeof(words) / sizeof(words[0]);

		while (i < n && strcmp(words[i], key) != 0)
			i++;
		if (i == n)
			fail(run, "schema",
			     "has a word that is not known:", key);
	}
}

static json_t *resolve(struct check *run, json_t *schema)
{
	static const char place[] = "#/definitions/";
	const char *reference =
		json_string_value(json_object_get(schema, "$ref"));
	json_t *found;

	if (!reference)
		return schema;
	found = strncmp(reference, place, strlen(place)) ?
			NULL :
			json_object_get(json_object_get(run->root,
							"definitions"),
					reference + strlen(place));
	if (!found)
		fail(run, "schema", "refers to", reference);
	return found;
}

static void check(struct check *run, json_t *schema, json_t *value,
		  const char *path)
{
	const char *type;
	json_t *values, *minimum;

	schema = resolve(run, schema);
	if (!schema)
		return;
	check_words(run, schema);
	type = json_string_value(json_object_get(schema, "type"));
	values = json_object_get(schema, "enum");
	minimum = json_object_get(schema, "minimum");
	if (type && strcmp(type, get_type(value)) != 0)
		fail(run, path, "is no", type);
	if (values && !has(values, value))
		fail(run, path, "is none of the values that may be", "");
	if (minimum && json_integer_value(value) < json_integer_value(minimum))
		fail(run, path, "is too small", "");
	if (json_is_string(value))
		check_string(run, schema, json_string_value(value), path);
	else if (json_is_object(value))
		check_object(run, schema, value, path);
	else if (json_is_array(value))
		check_array(run, schema, value, path);
}

char *support_schema_check(json_t *schema, json_t *value)
{
	struct check run = { .root = schema };

	check(&run, schema, value, "");
	return run.wrong;
}
