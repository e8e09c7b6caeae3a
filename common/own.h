/*
 * own - release on scope exit.
 *
 * A variable declared with one of these attributes releases what it holds when
 * its scope ends. hi_take_ptr() and hi_take_fd() hand the resource over: the
 * variable is emptied and its old value returned.
 */
#ifndef HI_COMMON_OWN_H
#define HI_COMMON_OWN_H

#include <stdlib.h>
#include <unistd.h>

#define HI_CLEANUP(function) __attribute__((cleanup(function)))

static inline void hi_own_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void hi_own_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* char *HI_FREE text = NULL;  int HI_CLOSE fd = -1; */
#define HI_FREE  HI_CLEANUP(hi_own_free)
#define HI_CLOSE HI_CLEANUP(hi_own_close)

static inline void *hi_take_ptr(void *pointer_to_pointer)
{
	void **slot = pointer_to_pointer;
	void *value = *slot;

	*slot = NULL;
	return value;
}

static inline int hi_take_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#endif
