/*
 * private_folder_parts - what the files of a private folder share; nobody else
 * includes it.
 *
 * private_folder.c       where one is made, for whom, and its end
 * private_folder_sweep.c removing them, and what dead sessions left
 */
#ifndef HI_INJECTOR_PRIVATE_FOLDER_PARTS_H
#define HI_INJECTOR_PRIVATE_FOLDER_PARTS_H

#include <stdbool.h>

#include "injector/private_folder.h"

#define HI_FOLDER_MADE "hotinject.XXXXXX"
#define HI_FOLDER_MARK ".hotinject"

/* hotinject.XXXXXX of mkdtemp(3) */
bool hi_private_folder_is_made(const char *name);
/*
 * Open and lock a folder of this user; -1 with EWOULDBLOCK when a session holds
 * it. What is a link, or another user's, is not even looked at.
 */
int hi_private_folder_lock(const char *path);
/* Remove the folder at PATH, open as FD, and what is in it. */
void hi_private_folder_remove(const char *path, int fd);
/* Remove what sessions left in PARENT, which others may write to when SHARED. */
void hi_private_folder_sweep_in(const char *parent, bool shared);

#endif
