#include "injector/held_locks_parts.h"

#include <stdio.h>
#include <string.h>

/* struct _IO_FILE */
#define FILE_MAGIC     0xfbad0000U
#define FILE_FILENO_AT 112
#define FILE_LOCK_AT   136
#define FILE_READ      144

/* _IO_lock_t */
struct file_lock {
	int32_t lock, count;
	uint64_t owner; /* the thread's descriptor */
};

static bool is_ours(const struct hi_abandoned *call, uint64_t remote)
{
	struct file_lock lock;

	return hi_remote_read(call->host, remote, &lock, sizeof(lock), NULL) ==
		       0 &&
	       (lock.lock == 1 || lock.lock == 2) && lock.count >= 0 &&
	       lock.owner == call->regs->fs_base;
}

static void describe(int32_t fileno, uint64_t remote, char *what, size_t size)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	if (fileno >= 0 && fileno < 3)
		snprintf(what, size, "the lock of %s", names[fileno]);
	else
		snprintf(what, size, "the lock of a FILE at %#lx", remote);
}

void hi_held_find_files(const struct hi_abandoned *call,
			const struct hi_pointers *pointers,
			struct hi_held_locks *locks)
{
	for (size_t i = 0; i < pointers->n; i++) {
		unsigned char file[FILE_READ];
		struct hi_held_lock *lock;
		uint64_t at = pointers->list[i], lock_at;
		uint32_t flags;
		int32_t fileno;

		if (hi_remote_read(call->host, at, file, sizeof(file), NULL) <
		    0)
			continue;
		memcpy(&flags, file, 4);
		memcpy(&fileno, file + FILE_FILENO_AT, 4);
		memcpy(&lock_at, file + FILE_LOCK_AT, 8);
		if ((flags & 0xffff0000U) != FILE_MAGIC ||
		    !is_ours(call, lock_at))
			continue;
		lock = hi_held_add(locks, HI_HELD_FILE, lock_at);
		if (!lock)
			continue;
		lock->settled = true;
		describe(fileno, at, lock->what, sizeof(lock->what));
	}
}
