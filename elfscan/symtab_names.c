#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "elfscan/symtab_parts.h"

#define CHUNK_LEN 65536

struct hi_strings_chunk {
	struct hi_strings_chunk *before;
	size_t used;
	size_t len;
	char text[];
};

const char *hi_strings_add(struct hi_strings *strings, const char *text,
			   size_t len)
{
	struct hi_strings_chunk *chunk = strings->last;
	char *copy;

	if (!chunk || chunk->len - chunk->used <= len) {
		size_t room = len < CHUNK_LEN ? CHUNK_LEN : len + 1;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->before = strings->last;
		chunk->used = 0;
		chunk->len = room;
		strings->last = chunk;
	}
	copy = chunk->text + chunk->used;
	memcpy(copy, text, len);
	copy[len] = '\0';
	chunk->used += len + 1;
	return copy;
}

void hi_strings_done(struct hi_strings *strings)
{
	while (strings->last) {
		struct hi_strings_chunk *chunk = strings->last;

		strings->last = chunk->before;
		free(chunk);
	}
}

/* The length of NAME (LEN bytes) without ".123" at its end, at least 1. */
static size_t cut_number(const char *name, size_t len)
{
	size_t at = len;

	while (at > 0 && isdigit((unsigned char)name[at - 1]))
		at--;
	return at < len && at > 1 && name[at - 1] == '.' ? at - 1 : len;
}

/* The length of NAME without TAIL and its number: ".llvm" and ".llvm.123". */
static size_t cut_tail(const char *name, size_t len, const char *tail)
{
	size_t tail_len = strlen(tail);
	size_t at = cut_number(name, len);

	if (at == len || at <= tail_len ||
	    memcmp(name + at - tail_len, tail, tail_len) != 0)
		return len;
	return at - tail_len;
}

size_t hi_symbol_base_len(const char *name)
{
	size_t len = strlen(name), before;

	if (!memchr(name, '.', len))
		return len;
	do {
		before = len;
		len = cut_tail(name, len, ".llvm");
		len = cut_tail(name, len, ".lto_priv");
	} while (len < before);
	/* one number only: clang's "f.x.1" is the second "f.x" */
	return cut_number(name, len);
}

const char *hi_symbol_file(const char *file)
{
	size_t len = strlen(file);

	/* gcc's driver calls its LTO inputs and outputs ccXXXXXX.o */
	if (strstr(file, ".ltrans") || strstr(file, ".lto.o") ||
	    strstr(file, "<artificial>") || !strncmp(file, "ld-temp", 7) ||
	    (len == 10 && !strncmp(file, "cc", 2) && !strcmp(file + 8, ".o")))
		return "";
	return file;
}

bool hi_symbol_is_counted(const struct hi_symbol *symbol)
{
	const char *tail = symbol->name + strlen(symbol->base);

	return tail[0] == '.' && isdigit((unsigned char)tail[1]);
}

bool hi_symbol_is_clone(const char *name)
{
	static const char *const marks[] = {
		".part.", ".constprop.", ".isra.", ".cold.", ".localalias",
	};
	size_t len = strlen(name);

	if (!strchr(name, '.'))
		return false;
	if (len > 5 && !strcmp(name + len - 5, ".cold"))
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(name, marks[i]);

		if (at && at != name)
			return true;
	}
	return false;
}

/* Whether the first LEN bytes of NAME are one of NAMES. */
static bool is_one_of(const char *name, size_t len, const char *const *names)
{
	for (; *names; names++) {
		if (len && **names == *name && !strncmp(name, *names, len) &&
		    !(*names)[len])
			return true;
	}
	return false;
}

/* mold gives names to PLT entries and GOT slots: "puts$plt", "x$got". */
static bool is_slot_name(const char *name)
{
	static const char *const slots[] = {
		"$plt",   "$pltgot",  "$got",   "$gotplt", "$gottp",
		"$tlsgd", "$tlsdesc", "$tlsld", NULL,
	};
	const char *at = strrchr(name, '$');

	return at && is_one_of(at, strlen(at), slots);
}

bool hi_symbol_is_compiler_made(const char *name, const char *file, bool notype)
{
	static const char *const start_files[] = {
		"crtstuff.c",
		"crtbegin.c",
		"crtend.c",
		NULL,
	};
	/* gold writes symbols that it made local behind the last file's, so
	   that the file alone is no proof */
	static const char *const start_names[] = {
		"completed",
		"dtor_idx",
		"object",
		"force_to_data",
		"__CTOR_LIST__",
		"__CTOR_END__",
		"__DTOR_LIST__",
		"__DTOR_END__",
		"__JCR_LIST__",
		"__JCR_END__",
		"__init",
		"__fini",
		"__do_init",
		"__do_fini",
		"__EH_FRAME_LIST__",
		"call_frame_dummy",
		"__do_global_ctors_aux",
		"__do_init.__initialized",
		"__do_fini.__finalized",
		NULL,
	};
	static const char *const made[] = {
		"_init",
		"_fini",
		"_DYNAMIC",
		"_GLOBAL_OFFSET_TABLE_",
		"_PROCEDURE_LINKAGE_TABLE_",
		"_edata",
		"_end",
		"_etext",
		"__bss_start",
		"__TMC_END__",
		"__TMC_LIST__",
		"__dso_handle",
		"frame_dummy",
		"__frame_dummy_init_array_entry",
		"__do_global_dtors_aux",
		"__do_global_dtors_aux_fini_array_entry",
		"register_tm_clones",
		"deregister_tm_clones",
		"__EH_FRAME_BEGIN__",
		"__FRAME_END__",
		"__GNU_EH_FRAME_HDR",
		"__ehdr_start",
		"__executable_start",
		NULL,
	};
	/* a program may have variables of these names, linkers give no type */
	static const char *const untyped[] = { "edata", "end", "etext", NULL };
	size_t base_len;

	if (is_one_of(name, strlen(name), made) ||
	    (!*file && is_slot_name(name)) ||
	    (notype && is_one_of(name, strlen(name), untyped)))
		return true;
	if (!is_one_of(file, strlen(file), start_files))
		return false;
	base_len = hi_symbol_base_len(name);
	return is_one_of(name, base_len, start_names);
}
