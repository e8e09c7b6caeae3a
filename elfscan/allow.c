#include "elfscan/allow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

static int fail(const struct hi_allow *allow, unsigned int line,
		const char *what, struct hi_err *err)
{
	return hi_fail(err, HI_E_BADELF, "%s:%u: %s", allow->path, line, what);
}

/* Cut off what stands before a tab or two blanks; NULL at the end of the line. */
static char *cut_field(char **line)
{
	char *start = *line + strspn(*line, " \t"), *end = start;

	while (*end && *end != '\t' && !(end[0] == ' ' && end[1] == ' '))
		end++;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return *start ? start : NULL;
}

static bool is_day(const char *text)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' :
				     text[i] != form[i])
			return false;
	return strncmp(text + 5, "00", 2) > 0 &&
	       strncmp(text + 5, "12", 2) <= 0 && strcmp(text + 8, "00") > 0 &&
	       strcmp(text + 8, "31") <= 0;
}

static int add_rule(struct hi_allow *allow, char *text, unsigned int line,
		    const char *today, struct hi_err *err)
{
	char *id = cut_field(&text), *day = cut_field(&text), *reason;
	struct hi_allow_rule *rule;
	void *grown;

	reason = text + strspn(text, " \t");
	if (!id || !day || !*reason)
		return fail(allow, line,
			    "a rule is an id, a last day or 'always', and a "
			    "reason, with two blanks between them",
			    err);
	if (strcmp(day, "always") != 0 && !is_day(day))
		return fail(allow, line,
			    "the last day is written 2027-03-31, or 'always'",
			    err);
	grown = reallocarray(allow->rules, allow->n_rules + 1, sizeof(*rule));
	if (!grown)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       allow->path);
	allow->rules = grown;
	rule = &allow->rules[allow->n_rules++];
	*rule = (struct hi_allow_rule){
		.id = strdup(id),
		.day = strdup(day),
		.reason = strdup(reason),
		.line = line,
		/* days that are written so compare as text */
		.expired = strcmp(day, "always") != 0 && strcmp(day, today) < 0,
	};
	if (!rule->id || !rule->day || !rule->reason)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       allow->path);
	return 0;
}

static int read_rules(struct hi_allow *allow, FILE *file, const char *today,
		      struct hi_err *err)
{
	char *HI_FREE text = NULL;
	size_t cap = 0;
	unsigned int line = 0;
	int code = 0;

	while (code == 0 && getline(&text, &cap, file) >= 0) {
		line++;
		text[strcspn(text, "\r\n")] = '\0';
		if (text[strspn(text, " \t")] && text[0] != '#')
			code = add_rule(allow, text, line, today, err);
	}
	if (code == 0 && ferror(file))
		code = hi_fail_sys(err, "cannot read %s", allow->path);
	return code;
}

int hi_allow_read(const char *path, const char *today,
		  struct hi_allow **ret_allow, struct hi_err *err)
{
	FILE *file = fopen(path, "re");
	struct hi_allow *allow = calloc(1, sizeof(*allow));
	int code;

	if (allow)
		allow->path = strdup(path);
	if (!file)
		code = hi_fail_sys(err, "cannot open %s", path);
	else if (!allow || !allow->path)
		code = hi_fail(err, HI_E_NOMEM, "no memory for %s", path);
	else
		code = read_rules(allow, file, today, err);
	if (file)
		fclose(file);
	if (code < 0) {
		hi_allow_free(allow);
		return code;
	}
	*ret_allow = allow;
	return 0;
}

void hi_allow_free(struct hi_allow *allow)
{
	if (!allow)
		return;
	for (size_t i = 0; i < allow->n_rules; i++) {
		free(allow->rules[i].id);
		free(allow->rules[i].day);
		free(allow->rules[i].reason);
	}
	free(allow->rules);
	free(allow->path);
	free(allow);
}

/* Whether TEXT is as PATTERN says, in which * stands for any text. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			/* let the last star take one byte more */
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

const struct hi_allow_rule *hi_allow_find(struct hi_allow *allow,
					  const char *id)
{
	for (size_t i = 0; allow && i < allow->n_rules; i++) {
		struct hi_allow_rule *rule = &allow->rules[i];

		if (rule->expired || !matches(rule->id, id))
			continue;
		rule->used = true;
		return rule;
	}
	return NULL;
}

const struct hi_allow_rule *hi_allow_find_unverified(struct hi_allow *allow,
						     const char *export)
{
	static const char head[] = "unverified:";
	size_t len = sizeof(head) - 1;

	for (size_t i = 0; allow && i < allow->n_rules; i++) {
		struct hi_allow_rule *rule = &allow->rules[i];

		if (rule->expired || strncmp(rule->id, head, len) != 0 ||
		    !matches(rule->id + len, export))
			continue;
		rule->used = true;
		return rule;
	}
	return NULL;
}
