#ifndef PLUGIN_H
#define PLUGIN_H

#include <stddef.h>

struct plugin {
	size_t size;
	int (*step)(void *object);
	int (*reset)(void *object);
};

extern const struct plugin plugin;

#endif
