/*
 * Enumerators as arguments of templates: gcc writes box<(ns::kind)1>, as c++filt does
 * of symbols, clang box<ns::one>, and what it is worth beside the name. Arguments of
 * arguments are described with what they are arguments of.
 */
#include <dwarf.h>
#include <string.h>

#include "elfscan/model_parts.h"

#define DEPTH_MAX 4
#define NAME_MAX  4096

/* The text of an argument. */
struct argument {
	const char *text;
	size_t len;
};

/* One type whose arguments are read. */
struct arguments {
	struct hi_die_units *entries;
	struct argument next; /* in its name */
	int depth;
	struct hi_buf *name; /* of the outermost, in which they are spelled */
};

static void respell(struct hi_die_units *entries, const struct hi_die *entry,
		    const char *text, int depth, struct hi_buf *name);

static const char *skip_quoted(const char *at)
{
	for (at++; *at && *at != '\''; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* To the comma or the bracket behind it. */
static size_t get_len(const char *text)
{
	const char *at = text;
	int open = 0;

	while (*at) {
		if (*at == '\'') {
			at = skip_quoted(at);
			continue;
		}
		if (!open && (*at == ',' || *at == '>'))
			break;
		open += strchr("<([{", *at) ? 1 : strchr(">)]}", *at) ? -1 : 0;
		at++;
	}
	return (size_t)(at - text);
}

static void step(struct argument *argument)
{
	const char *at = argument->text + argument->len;

	at += *at == ',';
	at += *at == ' ';
	argument->text = at;
	argument->len = get_len(at);
}

/* "ns::kind" of "ns::one" or of "ns::kind::one", where the type is called kind. */
static void name_enum(const struct argument *argument, const char *type,
		      struct hi_buf *buf)
{
	size_t len = argument->len, type_len = strlen(type);

	while (len && argument->text[len - 1] != ':')
		len--;
	hi_buf_add(buf, argument->text, len);
	if (len >= type_len + 2 &&
	    !memcmp(argument->text + len - 2 - type_len, type, type_len) &&
	    (len == type_len + 2 || argument->text[len - 3 - type_len] == ':'))
		buf->len -= 2;
	else
		hi_buf_text(buf, type);
}

/* Put NEW wherever the argument stands in NAME. */
static void replace(struct hi_buf *name, const struct argument *argument,
		    const char *new)
{
	struct hi_buf buf = HI_BUF_INIT;
	const char *at = hi_buf_str(name), *from = at;

	for (; *at; at++) {
		if (at == from || !strchr("<, ", at[-1]) ||
		    strncmp(at, argument->text, argument->len) != 0 ||
		    !at[argument->len] || !strchr(",>", at[argument->len]))
			continue;
		hi_buf_add(&buf, from, (size_t)(at - from));
		hi_buf_text(&buf, new);
		from = at + argument->len;
		at = from - 1;
	}
	hi_buf_text(&buf, from);
	hi_buf_done(name);
	*name = buf;
}

/* What lies in a unit of its own is only referred to. */
static void go_to_full(struct hi_die_units *entries, struct hi_die *entry)
{
	struct hi_die full;
	Dwarf_Die die;

	if (hi_die_get_reference(entry, HI_AT_SIGNATURE, &die) &&
	    hi_die_read(entries, &die, &full))
		*entry = full;
}

static bool read_target(struct arguments *arguments, const struct hi_die *entry,
			struct hi_die *ret_target)
{
	Dwarf_Die die;

	if (!hi_die_get_reference(entry, HI_AT_TYPE, &die) ||
	    !hi_die_read(arguments->entries, &die, ret_target))
		return false;
	go_to_full(arguments->entries, ret_target);
	return true;
}

static void take_value(struct arguments *arguments, const struct hi_die *entry)
{
	struct hi_buf new = HI_BUF_INIT;
	struct hi_die type;
	const char *name;
	uint64_t value;

	if (!read_target(arguments, entry, &type) ||
	    type.tag != DW_TAG_enumeration_type ||
	    !hi_die_get_number(entry, HI_AT_CONST_VALUE, &value))
		return;
	name = hi_die_find_text(arguments->entries, &type, HI_AT_NAME);
	/* (kind)1 is so already */
	if (!name || !arguments->next.len || *arguments->next.text == '(')
		return;
	hi_buf_text(&new, "(");
	name_enum(&arguments->next, name, &new);
	hi_buf_printf(&new, ")%lld", (long long)value);
	replace(arguments->name, &arguments->next, hi_buf_str(&new));
	hi_buf_done(&new);
}

static void take_type(struct arguments *arguments, const struct hi_die *entry)
{
	struct hi_die type, target;
	const char *name;

	if (!memchr(arguments->next.text, '<', arguments->next.len) ||
	    !read_target(arguments, entry, &type))
		return;
	for (int i = 0; i < DEPTH_MAX && type.tag != DW_TAG_structure_type &&
			type.tag != DW_TAG_class_type;
	     i++) {
		if (!read_target(arguments, &type, &target))
			return;
		type = target;
	}
	name = hi_die_find_text(arguments->entries, &type, HI_AT_NAME);
	if (name)
		respell(arguments->entries, &type, name, arguments->depth + 1,
			arguments->name);
}

/* clang describes them before the members, gcc behind. */
static void take_all(struct arguments *arguments, const struct hi_die *parent)
{
	struct hi_die entry;

	for (bool more = hi_die_read_part(parent, &entry); more;
	     more = hi_die_next_part(&entry)) {
		switch (entry.tag) {
		case DW_TAG_GNU_template_parameter_pack:
			if (arguments->depth <= DEPTH_MAX) {
				arguments->depth++;
				take_all(arguments, &entry);
				arguments->depth--;
			}
			continue;
		case DW_TAG_template_value_parameter:
			take_value(arguments, &entry);
			break;
		case DW_TAG_template_type_parameter:
			take_type(arguments, &entry);
			break;
		case DW_TAG_GNU_template_template_param:
			break;
		default:
			return;
		}
		step(&arguments->next);
	}
}

static void respell(struct hi_die_units *entries, const struct hi_die *entry,
		    const char *text, int depth, struct hi_buf *name)
{
	const char *list = strchr(text, '<');
	struct arguments arguments = {
		.entries = entries,
		.depth = depth,
		.name = name,
	};

	if (!list || depth > DEPTH_MAX)
		return;
	arguments.next.text = list + 1;
	arguments.next.len = get_len(list + 1);
	take_all(&arguments, entry);
}

void hi_model_spell_name(struct hi_die_units *entries,
			 const struct hi_die *entry, const char *name,
			 struct hi_buf *buf)
{
	struct hi_buf spelled = HI_BUF_INIT;
	struct hi_die full = *entry;

	if (!strchr(name, '<') || strlen(name) > NAME_MAX) {
		hi_model_tidy_name(name, buf);
		return;
	}
	hi_buf_text(&spelled, name);
	go_to_full(entries, &full);
	respell(entries, &full, name, 0, &spelled);
	hi_model_tidy_name(hi_buf_str(&spelled), buf);
	hi_buf_done(&spelled);
}
