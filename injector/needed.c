#include "injector/needed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elfscan/image.h"
#include "injector/phrase.h"
#include "injector/reach.h"

/* One object that is mapped. */
struct object {
	const struct hi_map *map;
	struct hi_image *image; /* NULL: not read */
	bool needed;
	bool followed;
};

static bool is_called(const struct object *object, const char *name)
{
	const char *soname =
		object->image ? hi_image_get_header(object->image)->soname :
				NULL;

	return !strcmp(name, soname ? soname : "") ||
	       !strcmp(name, hi_phrase_base_name(object->map->path));
}

static void follow(struct object *objects, size_t n, struct object *from)
{
	const char *const *needed =
		from->image ? hi_image_get_header(from->image)->needed : NULL;

	from->followed = true;
	for (; needed && *needed; needed++)
		for (size_t i = 0; i < n; i++)
			if (is_called(&objects[i], *needed))
				objects[i].needed = true;
}

static bool follow_all(struct object *objects, size_t n)
{
	bool again = false;

	for (size_t i = 0; i < n; i++)
		if (objects[i].needed && !objects[i].followed) {
			follow(objects, n, &objects[i]);
			again = true;
		}
	return again;
}

bool hi_needed_at_start(const struct hi_host *host, const struct hi_maps *maps,
			const struct hi_map *map)
{
	struct object *objects = calloc(maps->n_maps + 1, sizeof(*objects));
	char link[64], program[PATH_MAX], path[PATH_MAX];
	bool found = false;
	ssize_t len;
	size_t n = 0;

	snprintf(link, sizeof(link), "/proc/%d/exe", host->pid);
	len = readlink(link, program, sizeof(program) - 1);
	program[len < 0 ? 0 : len] = '\0';
	for (size_t i = 0; objects && i < maps->n_maps; i++) {
		struct object *object = &objects[n];

		if (maps->maps[i].offset || maps->maps[i].path[0] != '/')
			continue;
		object->map = &maps->maps[i];
		object->needed = !strcmp(object->map->path, program);
		hi_reach_file(host->pid, object->map, path);
		n += hi_image_open_any(path, &object->image, NULL) == 0;
	}
	while (follow_all(objects, n))
		;
	for (size_t i = 0; i < n; i++) {
		found |= objects[i].needed && objects[i].map == map;
		hi_image_free(objects[i].image);
	}
	free(objects);
	return found;
}
