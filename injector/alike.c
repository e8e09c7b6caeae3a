#include "injector/alike.h"

#include <string.h>

#include "elfscan/image.h"
#include "injector/private_folder.h"
#include "injector/reach.h"

enum likeness { LIKE_NOT, LIKE_SONAME, LIKE_BUILD_ID };

static enum likeness compare(const struct hi_image_header *a,
			     const struct hi_image_header *b)
{
	if (a->build_id_len && a->build_id_len == b->build_id_len &&
	    !memcmp(a->build_id, b->build_id, a->build_id_len))
		return LIKE_BUILD_ID;
	if (a->soname && b->soname && !strcmp(a->soname, b->soname))
		return LIKE_SONAME;
	return LIKE_NOT;
}

static enum likeness look_at(pid_t pid, const struct hi_map *map,
			     const struct hi_image *worker)
{
	struct hi_image *image = NULL;
	enum likeness likeness = LIKE_NOT;
	char path[PATH_MAX];

	hi_reach_file(pid, map, path);
	if (hi_reach_is_file_of(path, map) &&
	    hi_image_open(path, &image, NULL) == 0)
		likeness = compare(hi_image_get_header(image),
				   hi_image_get_header(worker));
	hi_image_free(image);
	return likeness;
}

const struct hi_map *hi_alike_find(pid_t pid, const struct hi_maps *maps,
				   const char *path)
{
	const struct hi_map *best = NULL;
	enum likeness found = LIKE_NOT;
	struct hi_image *worker = NULL;

	if (hi_image_open(path, &worker, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < maps->n_maps; i++) {
		const struct hi_map *map = &maps->maps[i];
		enum likeness likeness;

		/* a session's copy of a later build outlives the worker itself */
		if (map->offset || map->path[0] != '/' ||
		    hi_private_folder_has(map->path))
			continue;
		likeness = look_at(pid, map, worker);
		if (likeness == LIKE_NOT || likeness < found)
			continue;
		/* which of two would it be? */
		if (likeness > found)
			best = map;
		else if (best && map->inode != best->inode)
			best = NULL;
		found = likeness;
	}
	hi_image_free(worker);
	return best;
}
