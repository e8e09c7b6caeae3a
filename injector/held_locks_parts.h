/*
 * held_locks_parts - what the files of held_locks share.
 *
 * Ownership: struct hi_pointers ends with hi_pointers_done().
 */
#ifndef HI_INJECTOR_HELD_LOCKS_PARTS_H
#define HI_INJECTOR_HELD_LOCKS_PARTS_H

#include "injector/held_locks.h"

/* Addresses that frames of the C library hold: sorted, each once. */
struct hi_pointers {
	uint64_t *list;
	size_t n;
};

/* Whose text a program counter is in. */
bool hi_held_is_libc(const struct hi_maps *maps, uint64_t pc);
bool hi_held_is_loader(const struct hi_maps *maps, uint64_t pc);
/* Whether MAP is of such a file, or the memory that follows its variables. */
bool hi_held_is_system(const struct hi_maps *maps, const struct hi_map *map);

void hi_pointers_read(const struct hi_abandoned *call,
		      struct hi_pointers *ret_pointers);
void hi_pointers_done(struct hi_pointers *pointers);

/* The new entry, zeroed but for these; NULL when it is there already, or the list is
   full. */
struct hi_held_lock *hi_held_add(struct hi_held_locks *locks,
				 enum hi_held_kind kind, uint64_t remote);

void hi_held_find_arenas(const struct hi_abandoned *call,
			 const struct hi_pointers *pointers,
			 struct hi_held_locks *locks);
void hi_held_find_files(const struct hi_abandoned *call,
			const struct hi_pointers *pointers,
			struct hi_held_locks *locks);
void hi_held_find_loader(const struct hi_abandoned *call,
			 struct hi_held_locks *locks);

/* Is given the locks that a look finds. */
typedef void hi_held_sink(void *context, enum hi_held_kind kind,
			  uint64_t remote);
/* Those of a thread among N words, which the host has at BASE_REMOTE: mutexes and
   rwlocks of TID, FILEs of the descriptor at FS_BASE. */
void hi_held_scan(const uint64_t *words, size_t n, uint64_t base_remote,
		  pid_t tid, uint64_t fs_base, hi_held_sink *sink,
		  void *context);
/* The same of the host's memory from START up to END. */
void hi_held_scan_remote(const struct hi_abandoned *call, uint64_t start,
			 uint64_t end, hi_held_sink *sink, void *context);

#endif
