/*
 * What types are called: for a reader, and where two spellings mean one type.
 */
#include <string.h>

#include "elfscan/baseline.h"
#include "elfscan/drift_parts.h"

/* --- two spellings ---------------------------------------------------------- */

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Behind the last "::" outside of brackets. */
static const char *skip_scopes(const char *name)
{
	const char *last = name;
	int open = 0;

	for (const char *at = name; *at; at++) {
		open += is_one_of(*at, "<(") ? 1 :
			is_one_of(*at, ">)") ? -1 :
					       0;
		if (!open && at[0] == ':' && at[1] == ':')
			last = at + 2;
	}
	return last;
}

/* "box<int>::kept", by which the class alone calls what it was made of. */
static bool is_of_template(const char *name)
{
	const char *last = skip_scopes(name);

	return last - name > 3 && !strncmp(last - 3, ">::", 3);
}

/*
 * Where a template gives the name, the compilers do not agree: gcc calls all instances
 * of using pointer = T * the same, clang calls this one pointer<int>. And of a method
 * of box<int> each takes the types from another declaration, of which the one in the
 * class may say kept and the one outside of it T.
 */
bool hi_drift_is_one_typedef(const char *old, const char *new)
{
	const char *a = skip_scopes(old), *b = skip_scopes(new);
	size_t a_len = strcspn(a, "<"), b_len = strcspn(b, "<");

	if (!*old || !*new)
		return !strcmp(old, new) || is_of_template(old) ||
		       is_of_template(new);
	return !strcmp(a, b) || (a_len == b_len && !strncmp(a, b, a_len) &&
				 (!a[a_len] || !b[b_len]));
}

/* To the comma or the bracket behind an argument of a template. */
static const char *skip_argument(const char *at)
{
	int open = 0;

	for (; *at && (open || !is_one_of(*at, ",>")); at++)
		open += is_one_of(*at, "<(") ? 1 :
			is_one_of(*at, ">)") ? -1 :
					       0;
	return at;
}

/* Whether NUMBER is (ns::kind)1 and NAME begins with ns:: as well. */
static bool may_be_enumerator(const char *number, const char *name)
{
	const char *close, *end = skip_argument(number);
	size_t len;

	if (*number != '(' || *name == '(')
		return false;
	close = memchr(number, ')', (size_t)(end - number));
	if (!close || !is_one_of(close[1], "-0123456789"))
		return false;
	number++;
	len = (size_t)(close - number);
	while (len && number[len - 1] != ':')
		len--;
	return !strncmp(number, name, len) && !is_one_of(*name, "-0123456789");
}

/*
 * box<(ns::kind)1> by gcc is box<ns::one> by clang, and where it only declares box, it
 * does not say which number is one.
 */
bool hi_drift_is_one_name(const char *old, size_t old_len, const char *new,
			  size_t new_len)
{
	const char *old_end = old + old_len, *new_end = new + new_len;
	char before = '\0';

	if (old_len == new_len && !memcmp(old, new, old_len))
		return true;
	while (old < old_end && new < new_end) {
		if (is_one_of(before, "<, ") && *old != *new) {
			if (!may_be_enumerator(old, new) &&
			    !may_be_enumerator(new, old))
				return false;
			old = skip_argument(old);
			new = skip_argument(new);
		} else if (*old != *new) {
			return false;
		} else {
			before = *old++;
			new ++;
		}
	}
	return old == old_end && new == new_end;
}

/* --- for a reader ----------------------------------------------------------- */

/* Without the quotes that only a baseline needs. */
static void unquote(struct hi_buf *name)
{
	char *to = name->data;

	for (const char *at = to; at && *at; at++) {
		if (*at == '"')
			continue;
		if (*at == '\\' && at[1])
			at++;
		*to++ = *at;
	}
	if (to) {
		*to = '\0';
		name->len = (size_t)(to - name->data);
	}
}

void hi_drift_name(const struct hi_model *model, uint32_t number,
		   struct hi_buf *buf)
{
	struct hi_buf name = HI_BUF_INIT;
	const char *text;

	hi_baseline_name_type(model, number, &name);
	unquote(&name);
	text = strchr(hi_buf_str(&name), '<');
	/* struct <pos> is known as pos */
	if (hi_model_get_type(model, number)->name[0] == '<' && text &&
	    name.data[name.len - 1] == '>')
		hi_buf_add(buf, text + 1, strlen(text) - 2);
	else
		hi_buf_text(buf, hi_buf_str(&name));
	hi_buf_done(&name);
}

void hi_drift_say_changed(const struct hi_drift_run *run, uint32_t old,
			  uint32_t new, struct hi_buf *text)
{
	struct hi_buf before = HI_BUF_INIT, after = HI_BUF_INIT;

	hi_drift_name(run->old, old, &before);
	hi_drift_name(run->new, new, &after);
	if (!strcmp(hi_buf_str(&before), hi_buf_str(&after))) {
		/* a typedef that leads elsewhere */
		hi_buf_clear(&before);
		hi_buf_clear(&after);
		hi_drift_name(run->old, hi_model_peel(run->old, old), &before);
		hi_drift_name(run->new, hi_model_peel(run->new, new), &after);
	}
	hi_buf_printf(text, "changed from '%s' to '%s'", hi_buf_str(&before),
		      hi_buf_str(&after));
	hi_buf_done(&before);
	hi_buf_done(&after);
}
