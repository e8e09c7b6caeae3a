#include "injector/shim_place.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/own.h"
#include "elfscan/symtab.h"
#include "injector/reach.h"

#ifndef HI_LIBDIR
#define HI_LIBDIR "/usr/local/lib/hotinject"
#endif

char *hi_shim_find_file(struct hi_err *err)
{
	char self[PATH_MAX];
	char *path = NULL;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		self[len] = '\0';
		*strrchr(self, '/') = '\0';
		if (asprintf(&path, "%s/%s", self, HI_SHIM_FILE) > 0 &&
		    access(path, R_OK) == 0)
			return path;
		free(path);
	}
	if (asprintf(&path, "%s/%s", HI_LIBDIR, HI_SHIM_FILE) > 0 &&
	    access(path, R_OK) == 0)
		return path;
	free(path);
	hi_fail(err, HI_E_HOST, "%s is neither beside hotinject nor in %s",
		HI_SHIM_FILE, HI_LIBDIR);
	hi_err_hint(err, "run make, or make install");
	return NULL;
}

/* ld.so(8): LD_PRELOAD is split at blanks and colons, "$ORIGIN" is expanded. */
static bool is_plain(const char *path)
{
	return path[strcspn(path, " :$")] == '\0';
}

char *hi_shim_make_plain(char *path, const char *folder, struct hi_err *err)
{
	char *HI_FREE from = path;
	char *HI_FREE link = NULL;

	if (is_plain(from))
		return hi_take_ptr(&from);
	if (asprintf(&link, "%s/%s", folder, HI_SHIM_FILE) < 0) {
		link = NULL;
		hi_fail(err, HI_E_NOMEM, "no memory for a path");
	} else if (!is_plain(link)) {
		hi_fail(err, HI_E_HOST,
			"%s cannot be preloaded: its path, and that of %s, has "
			"a blank, a colon or a dollar sign, where the loader "
			"splits it",
			from, folder);
		hi_err_hint(err, "set XDG_RUNTIME_DIR or TMPDIR to a folder "
				 "without one");
	} else if (symlink(from, link) == 0) {
		return hi_take_ptr(&link);
	} else {
		hi_fail_sys(err, "%s cannot be made", link);
	}
	return NULL;
}

char *hi_shim_make_reachable(char *path, struct hi_snapshots *snapshots,
			     struct hi_err *err)
{
	char *HI_FREE from = path;

	if (!hi_snapshots_are_shared(snapshots))
		return hi_take_ptr(&from);
	return hi_snapshots_add_file(snapshots, from, err);
}

static int find_variable(const char *shim_path, uint64_t *ret_link,
			 struct hi_err *err)
{
	struct hi_image *image = NULL;
	struct hi_symtab *symtab = NULL;
	const struct hi_symbol *symbol;
	int code = hi_image_open(shim_path, &image, err);

	if (code == 0)
		code = hi_symtab_new(image, &symtab, err);
	if (code == 0) {
		symbol = hi_symtab_find_exported(symtab, HI_SHIM_SYMBOL, NULL);
		if (symbol)
			*ret_link = symbol->addr_link;
		else
			code = hi_fail(err, HI_E_HOST, "%s has no %s",
				       shim_path, HI_SHIM_SYMBOL);
	}
	hi_symtab_free(symtab);
	hi_image_free(image);
	return code;
}

static int read_shim(const struct hi_host *host, struct hi_shim_place *place,
		     struct hi_err *err)
{
	int code = hi_remote_read(host, place->shim_remote, &place->shim,
				  sizeof(place->shim), err);

	if (code < 0)
		return code;
	if (place->shim.magic != HI_SHIM_MAGIC ||
	    place->shim.version != HI_SHIM_VERSION ||
	    place->shim.size != sizeof(place->shim))
		return hi_fail(err, HI_E_HOST,
			       "%s is of another version than hotinject",
			       HI_SHIM_FILE);
	if (!place->shim.spawn_remote)
		return hi_fail(err, HI_E_HOST,
			       "%s was mapped but not initialised",
			       HI_SHIM_FILE);
	return 0;
}

int hi_shim_place_find(struct hi_host *host, struct hi_thread *thread,
		       const struct hi_maps *maps, const char *shim_path,
		       struct hi_shim_place *ret_place, struct hi_err *err)
{
	const struct hi_map *map = hi_reach_find(maps, shim_path);
	struct hi_shim_place place = { 0, { 0 }, 0 };
	uint64_t link = 0, stack = 0;
	int code;

	if (!map)
		return hi_fail(err, HI_E_HOST,
			       "the loader of %s did not map %s", host->name,
			       shim_path);
	code = find_variable(shim_path, &link, err);
	place.shim_remote = map->start + link;
	if (code == 0)
		code = read_shim(host, &place, err);
	place.stack_remote = place.shim.first_stack_remote;
	if (code == 0)
		code = hi_remote_map(host, thread, &place, 0,
				     HI_SHIM_PLACE_STACK_LEN,
				     PROT_READ | PROT_WRITE, &stack, err);
	if (code < 0)
		return code;
	place.stack_remote = stack + HI_SHIM_PLACE_STACK_LEN;
	*ret_place = place;
	return 0;
}
