/*
 * malloc(3) under one lock, in a library that hotinject takes for an allocator: a thread
 * that is inside may hold the lock.
 */
#include <stddef.h>
#include <string.h>

enum { ALIGN = 16 };

static _Alignas(ALIGN) char arena[64 << 20];
static size_t used;
static int locked, n_waiting;

static void lock(void)
{
	__atomic_add_fetch(&n_waiting, 1, __ATOMIC_SEQ_CST);
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	__atomic_sub_fetch(&n_waiting, 1, __ATOMIC_SEQ_CST);
}

static void unlock(void)
{
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

/* Hold the lock until another thread wants it. */
void hold_until_wanted(volatile int *held)
{
	lock();
	*held = 1;
	while (__atomic_load_n(&n_waiting, __ATOMIC_SEQ_CST) == 0)
		__builtin_ia32_pause();
	unlock();
}

void *malloc(size_t size)
{
	size_t *block;

	lock();
	block = (size_t *)(arena + used);
	used += ALIGN + (size + ALIGN - 1) / ALIGN * ALIGN;
	unlock();
	*block = size;
	return (char *)block + ALIGN;
}

void free(void *block)
{
	(void)block;
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size);
}

void *realloc(void *block, size_t size)
{
	void *grown = malloc(size);

	if (block) {
		size_t before = *(size_t *)((char *)block - ALIGN);

		memcpy(grown, block, before < size ? before : size);
	}
	return grown;
}
