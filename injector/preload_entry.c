#include "injector/preload_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/image.h"

/* The runtime of gcc's or clang's address sanitizer, which ends a program in which it
   is not the first library of all. */
static bool is_first_runtime(const char *path, size_t len)
{
	static const char *const names[] = { "libasan.so", "libclang_rt.asan" };
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;

	len -= (size_t)(name - path);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (len >= strlen(names[i]) &&
		    !memcmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

/* How much of the list VALUE stays before the shim: all up to such a runtime. */
static size_t find_runtime(const char *value)
{
	size_t at = 0;

	while (value[at]) {
		size_t len = strcspn(value + at, ": ");

		if (is_first_runtime(value + at, len))
			return at + len;
		at += len + (value[at + len] != '\0');
	}
	return 0;
}

/* The runtime that the program itself needs, copied to NAME, or "". */
static void find_needed_runtime(const struct hi_host *host, char *name,
				size_t size)
{
	struct hi_image *image = NULL;
	const char *const *needed;
	char path[64];

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/exe", host->pid);
	if (hi_image_open_any(path, &image, NULL) < 0)
		return;
	needed = hi_image_get_header(image)->needed;
	for (; needed && *needed; needed++)
		if (is_first_runtime(*needed, strlen(*needed)))
			snprintf(name, size, "%s", *needed);
	hi_image_free(image);
}

/*
 * The new entry. What is added with the shim stands before it with two colons, which
 * the loader takes for one, and goes with it (preload/shim.c).
 */
static int make_text(const struct hi_host *host, const char *shim_path,
		     const char *value, char **ret_text, bool *ret_runtime)
{
	size_t before = find_runtime(value);
	const char *after = value + before;
	char runtime[256] = "";

	if (before == 0)
		find_needed_runtime(host, runtime, sizeof(runtime));
	*ret_runtime = before || *runtime;
	while (before && (*after == ':' || *after == ' '))
		after++;
	return asprintf(ret_text, "LD_PRELOAD=%s%s%.*s%s%s%s%s", runtime,
			*runtime ? "::" : "", (int)before, value,
			before ? ":" : "", shim_path, *after ? ":" : "", after);
}

/* Whether the sanitizer will look for leaks at the end, which is its default. */
static bool looks_for_leaks(const struct hi_host *host,
			    const struct hi_start_stack *stack)
{
	static const char *const names[] = { "ASAN_OPTIONS=", "LSAN_OPTIONS=" };
	char *HI_FREE value = malloc(HI_START_STRING_MAX);

	for (size_t i = 0; value && i < sizeof(names) / sizeof(*names); i++) {
		(void)hi_start_stack_find_variable(host, stack, names[i],
						   value);
		if (strstr(value, "detect_leaks=0") ||
		    strstr(value, "detect_leaks=false"))
			return false;
	}
	return true;
}

int hi_preload_entry_make(const struct hi_host *host,
			  const struct hi_start_stack *stack,
			  const char *shim_path,
			  struct hi_preload_entry *ret_entry,
			  struct hi_err *err)
{
	char *HI_FREE value = malloc(HI_START_STRING_MAX);
	bool has_runtime = false;

	memset(ret_entry, 0, sizeof(*ret_entry));
	if (value)
		ret_entry->at = hi_start_stack_find_variable(
			host, stack, "LD_PRELOAD=", value);
	if (!value || make_text(host, shim_path, value, &ret_entry->text,
				&has_runtime) < 0) {
		ret_entry->text = NULL;
		return hi_fail(err, HI_E_NOMEM, "no memory for LD_PRELOAD");
	}
	ret_entry->leaks = has_runtime && looks_for_leaks(host, stack);
	return 0;
}
