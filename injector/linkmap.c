#include "injector/linkmap.h"

#include <link.h>
#include <string.h>

#include "elfscan/dynsym.h"
#include "elfscan/image.h"
#include "injector/remote.h"

static const struct hi_map *find_loader(const struct hi_maps *maps)
{
	for (size_t i = 0; i < maps->n_maps; i++)
		if (maps->maps[i].offset == 0 &&
		    strstr(maps->maps[i].path, "/ld-linux-x86-64.so"))
			return &maps->maps[i];
	return NULL;
}

/* The link-time address of _r_debug, 0 when it has none. */
static uint64_t find_r_debug(const char *path)
{
	struct hi_image *image = NULL;
	const struct hi_dynsym *dynsym;
	uint64_t found = 0;

	if (hi_image_open_any(path, &image, NULL) < 0)
		return 0;
	dynsym = hi_image_get_dynsym(image);
	for (size_t i = 0; i < dynsym->n && !found; i++)
		if (strcmp(hi_dynsym_get_name(dynsym, i), "_r_debug") == 0)
			found = hi_dynsym_get(dynsym, i).st_value;
	hi_image_free(image);
	return found;
}

int hi_linkmap_read(const struct hi_host *host, const struct hi_maps *maps,
		    struct hi_linkmap *ret_linkmap, struct hi_err *err)
{
	const struct hi_map *loader = find_loader(maps);
	uint64_t link = loader ? find_r_debug(loader->path) : 0;
	struct r_debug debug;
	struct link_map map;
	uint64_t at;
	int code;

	if (!link)
		return hi_fail(err, HI_E_HOST,
			       "the list of %s's libraries was "
			       "not found",
			       host->name);
	code = hi_remote_read(host, loader->start + link, &debug, sizeof(debug),
			      err);
	ret_linkmap->n = 0;
	for (at = (uintptr_t)debug.r_map;
	     code == 0 && at && ret_linkmap->n < HI_LINKMAP_MAX;
	     at = (uintptr_t)map.l_next) {
		code = hi_remote_read(host, at, &map, sizeof(map), err);
		if (code == 0)
			ret_linkmap->bases[ret_linkmap->n++] = map.l_addr;
	}
	return code;
}

size_t hi_linkmap_find(const struct hi_linkmap *linkmap, uint64_t base_remote)
{
	size_t i = 0;

	while (i < linkmap->n && linkmap->bases[i] != base_remote)
		i++;
	return i;
}
