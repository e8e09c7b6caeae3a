#include "injector/search.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "elfscan/image.h"

/* "$ORIGIN/lib" -> "/opt/game/lib" */
static char *expand(const char *folder, size_t len, const char *origin)
{
	static const char *const tokens[] = { "$ORIGIN", "${ORIGIN}" };
	char *text = NULL;

	for (size_t i = 0; i < 2; i++) {
		size_t token_len = strlen(tokens[i]);

		if (len < token_len || strncmp(folder, tokens[i], token_len))
			continue;
		if (asprintf(&text, "%s%.*s", origin, (int)(len - token_len),
			     folder + token_len) < 0)
			return NULL;
		return text;
	}
	return strndup(folder, len);
}

/* The first FOLDER/NAME of a colon-separated list that exists, or NULL. */
static char *search_list(const char *list, const char *origin, const char *name)
{
	while (list && *list) {
		size_t len = strcspn(list, ":;");
		char *HI_FREE folder = expand(list, len, origin);
		char *path = NULL;

		if (folder && asprintf(&path, "%s/%s", folder[0] ? folder : ".",
				       name) > 0) {
			if (access(path, F_OK) == 0)
				return path;
			free(path);
		}
		list += len;
		list += *list != '\0';
	}
	return NULL;
}

static char *search_host(const char *host_path, const char *name)
{
	struct hi_image *image = NULL;
	char *HI_FREE real = realpath(host_path, NULL);
	char *found = NULL;
	const char *runpath;

	if (!real || hi_image_open_any(real, &image, NULL) < 0)
		return NULL;
	*strrchr(real, '/') = '\0';
	runpath = hi_image_get_header(image)->runpath;
	found = search_list(runpath, real, name);
	hi_image_free(image);
	return found;
}

static char *search(const char *name, const char *host_path)
{
	char *found = NULL;

	if (strchr(name, '/'))
		return access(name, F_OK) == 0 ? strdup(name) : NULL;
	found = search_host(host_path, name);
	if (!found)
		found = search_list(getenv("LD_LIBRARY_PATH"), "", name);
	if (!found && access(name, F_OK) == 0)
		return strdup(name);
	if (!found)
		found = search_list("/lib/x86_64-linux-gnu:"
				    "/usr/lib/x86_64-linux-gnu:/lib64:"
				    "/usr/lib64:/usr/local/lib:/lib:/usr/lib",
				    "", name);
	return found;
}

int hi_search_worker(const char *name, const char *host_path, char **ret_path,
		     struct hi_err *err)
{
	char *HI_FREE found = search(name, host_path);
	char *HI_FREE cwd = NULL;

	if (!found) {
		hi_fail(err, HI_E_USAGE, "no such worker: %s", name);
		hi_err_hint(err, "give the path of the library that the host "
				 "opens, and build it first");
		return HI_E_USAGE;
	}
	if (found[0] == '/') {
		*ret_path = hi_take_ptr(&found);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd ||
	    asprintf(ret_path, "%s/%s", cwd,
		     strncmp(found, "./", 2) == 0 ? found + 2 : found) < 0)
		return hi_fail_sys(err, "the current folder");
	return 0;
}
