#include "elfscan/closure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/own.h"
#include "elfscan/demangle.h"
#include "elfscan/hash.h"

/* TEXT becomes the list's. */
static int add(struct hi_closures *closures, const struct hi_closure *closure,
	       struct hi_err *err)
{
	if (!closure->text || !hi_grow(&closures->all, closures->n,
				       &closures->cap, sizeof(*closure))) {
		free(closure->text);
		return hi_fail(err, HI_E_NOMEM, "no memory for closures");
	}
	closures->all[closures->n++] = *closure;
	return 0;
}

/* --- C++ -------------------------------------------------------------------- */

static bool opens(char c)
{
	return c == '(' || c == '<' || c == '{' || c == '[';
}

static bool closes(char c)
{
	return c == ')' || c == '>' || c == '}' || c == ']';
}

/* Where the function begins in which the lambda at AT is, "f(int) const" included. */
static const char *find_start(const char *text, const char *at)
{
	int depth = 0;

	if (at - text > 6 && !strncmp(at - 6, " const", 6))
		at -= 6;
	for (; at > text; at--) {
		char c = at[-1];

		if (closes(c))
			depth++;
		else if (opens(c) && depth-- == 0)
			break;
		else if (depth == 0 && (c == ' ' || c == ','))
			break;
	}
	return at;
}

/* Behind the brace that closes the one at AT. */
static const char *find_end(const char *at)
{
	int depth = 0;

	for (; *at; at++)
		if (*at == '{')
			depth++;
		else if (*at == '}' && --depth == 0)
			return at + 1;
	return NULL;
}

static int add_lambdas(struct hi_closures *closures, const char *name,
		       size_t function, struct hi_err *err)
{
	static const char mark[] = "::{lambda(";
	char *HI_FREE text = hi_demangle(name);
	int code = 0;

	if (!text)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s", name);
	for (const char *at = text; code == 0 && (at = strstr(at, mark));
	     at += 3) {
		const char *start = find_start(text, at);
		const char *end = find_end(at + 2);
		const char *number = end;

		if (!end)
			break;
		while (number > start && *number != '#')
			number--;
		code = add(closures,
			   &(struct hi_closure){
				   .group = hi_hash(start, number - start, 0),
				   .key = hi_hash(start, end - start, 0),
				   .function = function,
				   .text = strndup(start, end - start),
			   },
			   err);
	}
	return code;
}

/* --- coroutines -------------------------------------------------------------- */

static bool ends_with(const char *name, const char *tail)
{
	size_t len = strlen(name), tail_len = strlen(tail);

	return len > tail_len && !strcmp(name + len - tail_len, tail);
}

/* gcc: f(f.Frame *) in two parts, with a frame that is described; clang: three
   parts of void *. */
static bool is_coroutine(const char *name, bool *ret_unseen)
{
	*ret_unseen = ends_with(name, ".resume") ||
		      ends_with(name, ".cleanup") ||
		      (ends_with(name, ".destroy") && !strstr(name, ".Frame"));
	return *ret_unseen ||
	       (strstr(name, ".Frame") &&
		(ends_with(name, ".actor") || ends_with(name, ".destroy")));
}

static int add_coroutine(struct hi_closures *closures, const char *name,
			 size_t function, bool unseen, struct hi_err *err)
{
	char *text = hi_demangle(name);

	if (text)
		text[strcspn(text, "(")] = '\0';
	return add(closures,
		   &(struct hi_closure){
			   .group = hi_hash(name, strrchr(name, '.') - name, 0),
			   .key = hi_hash(name, strrchr(name, '.') - name, 0),
			   .function = function,
			   .unseen = unseen,
			   .text = text,
		   },
		   err);
}

/* --- Rust -------------------------------------------------------------------- */

#define RUST_HASH_LEN 20 /* "17h", 16 digits, "E" */

/* The older scheme: a path, and a hash that tells the closures of a function apart. */
static bool is_rust(const char *name)
{
	size_t len = strlen(name);

	return strstr(name, "$u7b$$u7b$") && len > RUST_HASH_LEN &&
	       !strncmp(name + len - RUST_HASH_LEN, "17h", 3);
}

/* The newer one counts: "s_0" is the second, "s0_0" the third. */
static size_t cut_counts(const char *name, char *cut)
{
	size_t len = 0;

	while (*name) {
		size_t step = *name == 's' ? 1 : 0;

		while (step && isalnum((unsigned char)name[step]))
			step++;
		if (step && name[step] == '_' && name[step + 1] == '0')
			name += step + 1;
		else
			cut[len++] = *name++;
	}
	return len;
}

static int add_rust(struct hi_closures *closures, const char *name,
		    size_t function, struct hi_err *err)
{
	size_t len = strlen(name);
	char *HI_FREE cut = malloc(len + 1);

	if (!cut)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s", name);
	return add(
		closures,
		&(struct hi_closure){
			.group = is_rust(name) ?
					 hi_hash(name, len - RUST_HASH_LEN, 0) :
					 hi_hash(cut, cut_counts(name, cut), 0),
			.key = hi_hash(name, len, 0),
			.function = function,
			.helper = strstr(name, "vtable.shim") ||
				  strstr(name, "drop_in_place"),
			.text = hi_demangle(name),
		},
		err);
}

/* --- all ----------------------------------------------------------------------- */

static int add_all(struct hi_closures *closures, const char *name,
		   size_t function, struct hi_err *err)
{
	bool unseen;

	if (is_coroutine(name, &unseen))
		return add_coroutine(closures, name, function, unseen, err);
	if (!strncmp(name, "_R", 2) ? strstr(name, "NC") != NULL :
				      is_rust(name))
		return add_rust(closures, name, function, err);
	if (!strncmp(name, "_Z", 2) && strstr(name, "Ul"))
		return add_lambdas(closures, name, function, err);
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct hi_closure *a = left, *b = right;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

int hi_closures_find(const struct hi_symtab *symtab,
		     struct hi_closures *ret_closures, struct hi_err *err)
{
	struct hi_closures closures = { NULL, 0, 0 };
	int code = 0;
	size_t n;
	const struct hi_symbol *functions = hi_symtab_get_functions(symtab, &n);

	for (size_t i = 0; i < n && code == 0; i++)
		if (!functions[i].clone)
			code = add_all(&closures, functions[i].name, i, err);
	if (code < 0) {
		hi_closures_done(&closures);
		return code;
	}
	if (closures.n)
		qsort(closures.all, closures.n, sizeof(*closures.all), compare);
	*ret_closures = closures;
	return 0;
}

void hi_closures_done(struct hi_closures *closures)
{
	for (size_t i = 0; i < closures->n; i++)
		free(closures->all[i].text);
	free(closures->all);
	memset(closures, 0, sizeof(*closures));
}

uint64_t hi_closures_get_members(const struct hi_closures *closures,
				 uint64_t group)
{
	size_t low = 0, high = closures->n;
	uint64_t members = 0, last = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (closures->all[middle].group < group)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < closures->n && closures->all[low].group == group; low++) {
		if (closures->all[low].key != last)
			members = hi_hash(&closures->all[low].key,
					  sizeof(uint64_t), members);
		last = closures->all[low].key;
	}
	return members;
}
