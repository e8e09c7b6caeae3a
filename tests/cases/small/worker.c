#include "worker.h"

int by_plt(void)
{
	return BUILD - 1;
}

int by_initialiser(void)
{
	return BUILD - 1;
}

int by_const_initialiser(void)
{
	return BUILD - 1;
}

int by_taken_address(void)
{
	return BUILD - 1;
}

int by_dlsym(void)
{
	return BUILD - 1;
}

int wrapped(void)
{
	return BUILD - 1;
}

__attribute__((noinline)) int inner(void)
{
	return BUILD - 1;
}

static int in_table(void)
{
	return BUILD - 1;
}

static const struct api api = { in_table };

const struct api *worker_api(void)
{
	return &api;
}

static int callback(void)
{
	return BUILD - 1;
}

worker_function worker_callback(void)
{
	return callback;
}

int worker_call_wrapped(void)
{
	int value = wrapped();

	__asm__ volatile("" : "+r"(value));
	return value;
}
