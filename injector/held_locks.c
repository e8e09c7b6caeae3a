#include "injector/held_locks.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "injector/held_locks_parts.h"

/* Of the C library's frames: vfprintf(3) has a buffer of a KiB, few have more. */
#define FRAMES_MAX (64UL << 10)
/* A function that keeps registers has more on the stack than where it returns to, and to
   where its caller does. */
#define OWN_REGISTERS 16

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const char *get_file(const struct hi_map *map)
{
	const char *slash = map ? strrchr(map->path, '/') : NULL;

	return slash ? slash + 1 : "";
}

static bool is_libc_file(const char *file)
{
	return starts_with(file, "libc.so.6") || starts_with(file, "libc-2") ||
	       starts_with(file, "libpthread");
}

static bool is_loader_file(const char *file)
{
	return starts_with(file, "ld-linux") || starts_with(file, "ld-2");
}

bool hi_held_is_libc(const struct hi_maps *maps, uint64_t pc)
{
	return is_libc_file(get_file(hi_maps_find(maps, pc)));
}

bool hi_held_is_loader(const struct hi_maps *maps, uint64_t pc)
{
	return is_loader_file(get_file(hi_maps_find(maps, pc)));
}

bool hi_held_is_system(const struct hi_maps *maps, const struct hi_map *map)
{
	const char *file = get_file(map);

	/* what the file does not hold of its variables follows without a name */
	if (!*map->path && map > maps->maps && map[-1].end == map->start)
		file = get_file(map - 1);
	return is_libc_file(file) || is_loader_file(file);
}

struct hi_held_lock *hi_held_add(struct hi_held_locks *locks,
				 enum hi_held_kind kind, uint64_t remote)
{
	struct hi_held_lock *lock;

	for (size_t i = 0; i < locks->n; i++)
		if (locks->list[i].remote == remote)
			return NULL;
	if (locks->n == HI_HELD_LOCKS_MAX) {
		locks->more = true;
		return NULL;
	}
	lock = &locks->list[locks->n++];
	memset(lock, 0, sizeof(*lock));
	lock->kind = kind;
	lock->remote = remote;
	return lock;
}

/* --- what the C library's frames point to ------------------------------------------ */

static void add_pointer(struct hi_pointers *pointers, uint64_t value)
{
	/* user space, and no small number */
	if (value % 8 == 0 && value >= 0x10000 && value < 1UL << 47)
		pointers->list[pointers->n++] = value;
}

/* Frame I's part of the stack, up to its caller's; empty when that is not known. */
static uint64_t get_end(const struct hi_abandoned *call, size_t i)
{
	uint64_t sp = call->frames->frames[i].sp;
	uint64_t end = i + 1 < call->n ? call->frames->frames[i + 1].sp :
					 call->host_sp;

	return sp && end >= sp && end <= call->host_sp ? end : sp;
}

static void read_frame(const struct hi_abandoned *call, size_t i,
		       struct hi_pointers *pointers)
{
	static const size_t most = FRAMES_MAX / 8;
	uint64_t sp = call->frames->frames[i].sp & ~7UL;
	size_t n = (get_end(call, i) - sp) / 8;
	uint64_t *words;

	n = n < most - pointers->n ? n : most - pointers->n;
	words = calloc(n + 1, 8);
	if (words && hi_remote_read(call->host, sp, words, n * 8, NULL) == 0)
		for (size_t j = 0; j < n; j++)
			add_pointer(pointers, words[j]);
	free(words);
}

/*
 * The registers are those of the C library when its youngest frames keep any. A leaf
 * such as memcpy(3) leaves them as its caller had them.
 */
static void read_registers(const struct hi_abandoned *call,
			   struct hi_pointers *pointers)
{
	const struct user_regs_struct *regs = call->regs;
	const uint64_t values[] = { regs->rax, regs->rbx, regs->rcx, regs->rdx,
				    regs->rsi, regs->rdi, regs->rbp, regs->r8,
				    regs->r9,  regs->r10, regs->r11, regs->r12,
				    regs->r13, regs->r14, regs->r15 };
	uint64_t end = regs->rsp;

	for (size_t i = 0; i < call->n; i++) {
		if (!hi_held_is_libc(call->maps, call->frames->frames[i].pc))
			break;
		end = get_end(call, i);
	}
	if (end <= regs->rsp + OWN_REGISTERS)
		return;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		add_pointer(pointers, values[i]);
}

static int compare(const void *one, const void *two)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;

	return (a > b) - (a < b);
}

/* Each once, and only what can be written to and is not the stack. */
static void keep_useful(const struct hi_abandoned *call,
			struct hi_pointers *pointers)
{
	const struct hi_map *stack = hi_maps_find(call->maps, call->regs->rsp);
	uint64_t before = 0;
	size_t n = 0;

	qsort(pointers->list, pointers->n, 8, compare);
	for (size_t i = 0; i < pointers->n; i++) {
		uint64_t value = pointers->list[i];
		const struct hi_map *map =
			value == before ? NULL :
					  hi_maps_find(call->maps, value);

		before = value;
		if (map && map != stack && (map->prot & PROT_WRITE))
			pointers->list[n++] = value;
	}
	pointers->n = n;
}

void hi_pointers_read(const struct hi_abandoned *call,
		      struct hi_pointers *ret_pointers)
{
	ret_pointers->n = 0;
	ret_pointers->list = calloc(FRAMES_MAX / 8 + 16, 8);
	if (!ret_pointers->list)
		return;
	for (size_t i = 0; i < call->n; i++)
		if (hi_held_is_libc(call->maps, call->frames->frames[i].pc))
			read_frame(call, i, ret_pointers);
	read_registers(call, ret_pointers);
	keep_useful(call, ret_pointers);
}

void hi_pointers_done(struct hi_pointers *pointers)
{
	free(pointers->list);
	memset(pointers, 0, sizeof(*pointers));
}

void hi_held_locks_find(const struct hi_abandoned *call,
			struct hi_held_locks *ret_locks)
{
	struct hi_pointers pointers;

	memset(ret_locks, 0, sizeof(*ret_locks));
	hi_pointers_read(call, &pointers);
	hi_held_find_arenas(call, &pointers, ret_locks);
	hi_held_find_files(call, &pointers, ret_locks);
	hi_held_find_loader(call, ret_locks);
	hi_pointers_done(&pointers);
}

/* --- release -------------------------------------------------------------------- */

/*
 * How often a FILE is locked: up to glibc 2.37 the count says so, later it leaves out
 * the first time. One that the host has locked, too, stays locked.
 */
static int release_file(const struct hi_host *host, uint64_t remote,
			bool *ret_free, struct hi_err *err)
{
	unsigned char zero[12] = { 0 };
	int32_t count = 0;
	int code = hi_remote_read(host, remote + 4, &count, 4, err);

	if (code < 0)
		return code;
	*ret_free = count <= 1;
	count--;
	/* the owner first: the next one writes it once it has the lock */
	if (*ret_free)
		return hi_remote_write(host, remote + 4, zero, sizeof(zero),
				       err);
	return hi_remote_write(host, remote + 4, &count, 4, err);
}

/* struct __pthread_mutex_s: lock, count, owner, nusers. */
static int release_mutex(const struct hi_host *host, uint64_t remote,
			 struct hi_err *err)
{
	uint32_t words[4];
	int code = hi_remote_read(host, remote, words, sizeof(words), err);

	if (code < 0)
		return code;
	words[1] = 0;
	words[2] = 0;
	words[3] -= words[3] != 0;
	return hi_remote_write(host, remote + 4, &words[1], 12, err);
}

/*
 * A thread that goes to wait at this very moment sees zero, or is woken; who is woken
 * for nothing looks again.
 */
static int unlock(const struct hi_abandoned *call,
		  const struct hi_shim_place *place, uint64_t remote,
		  struct hi_err *err)
{
	uint64_t arguments[6] = { remote, FUTEX_WAKE_PRIVATE, INT_MAX };
	uint32_t zero = 0;
	int64_t woken = 0;
	int code = hi_remote_write(call->host, remote, &zero, 4, err);

	return code < 0 ? code :
			  hi_remote_syscall(call->host, call->thread, place,
					    SYS_futex, arguments, &woken, err);
}

static int release(const struct hi_abandoned *call,
		   const struct hi_shim_place *place, struct hi_held_lock *lock,
		   struct hi_err *err)
{
	bool is_free = true;
	int code = 0;

	if (lock->kind == HI_HELD_FILE)
		code = release_file(call->host, lock->remote, &is_free, err);
	else if (lock->kind == HI_HELD_MUTEX)
		code = release_mutex(call->host, lock->remote, err);
	if (code == 0 && is_free)
		code = unlock(call, place, lock->remote, err);
	lock->released = code == 0 && is_free;
	return code;
}

int hi_held_locks_release(const struct hi_abandoned *call,
			  const struct hi_shim_place *place,
			  struct hi_held_locks *locks, struct hi_err *err)
{
	int code = 0;

	for (size_t i = 0; i < locks->n && code == 0; i++)
		if (locks->list[i].settled)
			code = release(call, place, &locks->list[i], err);
	return code;
}
