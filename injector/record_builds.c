/*
 * The builds of a record, opened again.
 */
#include <stdlib.h>
#include <string.h>

#include "injector/record_restore_parts.h"
#include "injector/record_was.h"

int hi_restore_fail_damaged(struct hi_err *err)
{
	return hi_fail(err, HI_E_HOST, "its record is damaged");
}

uint64_t hi_restore_get_number(const json_t *line, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(line, key));
}

uint64_t hi_restore_get_word(const json_t *line, const char *key, size_t at)
{
	return (uint64_t)json_integer_value(
		json_array_get(json_object_get(line, key), at));
}

struct hi_shim_tls hi_restore_get_tls(const json_t *line, const char *key)
{
	return (struct hi_shim_tls){ hi_restore_get_word(line, key, 0),
				     hi_restore_get_word(line, key, 1),
				     hi_restore_get_word(line, key, 2),
				     hi_restore_get_word(line, key, 3) };
}

struct hi_content hi_restore_get_content(const json_t *line, const char *key)
{
	return (struct hi_content){ hi_restore_get_word(line, key, 0),
				    hi_restore_get_word(line, key, 1),
				    hi_restore_get_word(line, key, 2),
				    hi_restore_get_word(line, key, 3),
				    hi_restore_get_word(line, key, 4) };
}

static bool is_active(const struct hi_restore *restore, uint64_t serial)
{
	const json_t *list = json_object_get(restore->last, "active");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (hi_restore_get_word(restore->last, "active", i) == serial)
			return true;
	return false;
}

static int check_build_id(const struct hi_restore *restore, struct hi_err *err)
{
	const struct hi_image_header *header =
		hi_image_get_header(restore->build->image);
	const char *id =
		json_string_value(json_object_get(restore->line, "build_id"));
	bool same = id && strlen(id) == 2 * header->build_id_len;

	for (size_t i = 0; same && i < header->build_id_len; i++) {
		const char digits[3] = { id[2 * i], id[2 * i + 1], '\0' };

		same = strtoul(digits, NULL, 16) == header->build_id[i];
	}
	return same ? 0 :
		      hi_fail(err, HI_E_HOST,
			      "%s is not the build that was recorded",
			      restore->build->path);
}

static int read_facts(struct hi_restore *restore, struct hi_err *err)
{
	struct hi_build *build = restore->build;
	size_t functions, variables;
	int code = hi_build_scan(build, err);

	if (code == 0)
		code = hi_build_read_text(build, NULL, err);
	if (code < 0)
		return code;
	hi_symtab_get_functions(build->symtab, &functions);
	hi_symtab_get_variables(build->symtab, &variables);
	if (functions != hi_restore_get_word(restore->line, "symbols", 0) ||
	    variables != hi_restore_get_word(restore->line, "symbols", 1))
		return hi_fail(err, HI_E_HOST,
			       "the symbols of %s are not those that were "
			       "recorded",
			       build->path);
	return 0;
}

static int open_build(struct hi_restore *restore, size_t at, bool active,
		      struct hi_err *err)
{
	const json_t *line = restore->lines[at];
	const char *path = json_string_value(json_object_get(line, "path"));
	unsigned int number =
		(unsigned int)hi_restore_get_number(line, "number");
	struct hi_build *build = NULL;
	int code;

	if (!path)
		return hi_restore_fail_damaged(err);
	code = active ? hi_record_open_build(path, restore->worker->path,
					     number, at > 0, &build, err) :
			hi_build_open(path, restore->worker->path, number,
				      &build, err);
	if (code < 0)
		return code;
	build->before = (unsigned int)hi_restore_get_number(line, "before");
	build->again = json_is_true(json_object_get(line, "again"));
	restore->builds[at] = build;
	restore->line = line;
	restore->build = build;
	build->base_remote = hi_restore_get_number(line, "base");
	build->map_remote = hi_restore_get_number(line, "map");
	build->tls = hi_restore_get_tls(line, "tls");
	build->content = hi_restore_get_content(line, "content");
	code = check_build_id(restore, err);
	if (code == 0 && active)
		code = read_facts(restore, err);
	else if (code == 0)
		hi_build_drop_facts(build);
	return code;
}

int hi_restore_open_build(struct hi_restore *restore, size_t at,
			  struct hi_err *err)
{
	/* a line for each, in the order of going live */
	bool active = is_active(restore, at + 1);
	int code = open_build(restore, at, active, err);

	if (code == 0 || active)
		return code;
	/* only that somebody might have gone back to it was left of it */
	hi_build_free(restore->builds[at]);
	restore->builds[at] = NULL;
	return 0;
}
