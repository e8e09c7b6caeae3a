/*
 * snapshot_parts - what the files of the snapshot module share; nobody else
 * includes it.
 */
#ifndef HI_INJECTOR_SNAPSHOT_PARTS_H
#define HI_INJECTOR_SNAPSHOT_PARTS_H

#include <elf.h>
#include <sys/stat.h>

#include "injector/snapshot.h"

/* Takes both descriptors, also on failure, which leaves no snapshot. */
int hi_snapshot_new(const char *name, const char *path, int source,
		    const struct stat *before, int target,
		    struct hi_snapshot **ret_snapshot,
		    struct hi_err *err) HI_MUST_USE;

/* What hi_snapshot_begin() promises; FOLDER is for the sentences. */
int hi_snapshot_copy_mapped(struct hi_snapshot *snapshot, const char *folder,
			    struct hi_err *err) HI_MUST_USE;

struct hi_file_range {
	uint64_t start, end;
};

/* The end of what ld.so maps of the open file, in whole pages; 0: it is none of a
   library. */
uint64_t hi_layout_find_mapped(int source, uint64_t file_len,
			       const Elf64_Ehdr *ehdr);
/*
 * The part behind MAPPED_LEN that holds nothing but sections that nobody needs
 * to see that the file is whole; empty when that cannot be said.
 */
struct hi_file_range hi_layout_find_late(int source, uint64_t file_len,
					 uint64_t mapped_len,
					 const Elf64_Ehdr *ehdr);

#endif
