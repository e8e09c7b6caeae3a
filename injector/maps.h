/*
 * maps - what is mapped where in the host: /proc/PID/maps, parsed.
 *
 * Ownership: hi_maps_read() fills a value that hi_maps_done() ends.
 * Errors:    HI_E_GONE when the host has ended, HI_E_SYS. One that is ending has no
 *            mappings.
 * Source:    proc(5); linux/fs.h, PROCMAP_QUERY.
 */
#ifndef HI_INJECTOR_MAPS_H
#define HI_INJECTOR_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct hi_map {
	uint64_t start, end; /* host addresses */
	uint64_t offset;     /* in the file */
	unsigned int prot;   /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	dev_t dev;
	ino_t inode;      /* 0: anonymous */
	bool deleted;     /* the file's name is gone */
	const char *path; /* "" for anonymous memory; "[stack]", ... */
};

struct hi_maps {
	struct hi_map *maps; /* sorted by start */
	size_t n_maps;
	char *text;
};

int hi_maps_read(pid_t pid, struct hi_maps *ret_maps,
		 struct hi_err *err) HI_MUST_USE;
void hi_maps_done(struct hi_maps *maps);

/* What hi_maps_ask() asks, or -1. It is of the program that runs now. */
int hi_maps_open(pid_t pid);
/*
 * The mapping that holds ADDRESS now, but for its path, which is "". False when there
 * is none, and before Linux 6.11, which cannot tell.
 */
bool hi_maps_ask(int fd, uint64_t address, struct hi_map *ret_map);

/* The mapping that holds ADDRESS, or NULL. */
const struct hi_map *hi_maps_find(const struct hi_maps *maps, uint64_t address);
/* The first mapping of a file: by device and inode, or by path; or NULL. */
const struct hi_map *hi_maps_find_inode(const struct hi_maps *maps, dev_t dev,
					ino_t inode);
const struct hi_map *hi_maps_find_path(const struct hi_maps *maps,
				       const char *path);
/*
 * A free range of LEN bytes of which every byte lies within REACH bytes of both
 * NEAR_START and NEAR_END; 0 when there is none. The lowest 64 KiB are left alone.
 */
uint64_t hi_maps_find_gap(const struct hi_maps *maps, uint64_t near_start,
			  uint64_t near_end, uint64_t len, uint64_t reach);

#endif
