#include "worker.h"

#include <string.h>

#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noinline, noclone))
#endif
#define HIDDEN __attribute__((visibility("hidden")))

int by_plt(void)
{
	return BUILD;
}

int by_initialiser(void)
{
	return BUILD;
}

int by_const_initialiser(void)
{
	return BUILD;
}

int by_taken_address(void)
{
	return BUILD;
}

int by_fresh_address(void)
{
	return BUILD;
}

int by_dlsym_kept(void)
{
	return BUILD;
}

int by_dlsym_fresh(void)
{
	return BUILD;
}

int by_default_kept(void)
{
	return BUILD;
}

int by_default_fresh(void)
{
	return BUILD;
}

int by_next_kept(void)
{
	return BUILD;
}

static int ifunc_implementation(void)
{
	return BUILD;
}

__attribute__((used)) static worker_function ifunc_resolver(void)
{
	return ifunc_implementation;
}

int by_ifunc(void) __attribute__((ifunc("ifunc_resolver")));
int by_ifunc_pointer(void) __attribute__((ifunc("ifunc_resolver")));

__attribute__((visibility("protected"))) int by_protected(void)
{
	return BUILD;
}

int one_of_two_names(void)
{
	return BUILD;
}

int by_alias(void) __attribute__((alias("one_of_two_names")));

__attribute__((weak)) int by_weak(void)
{
	return BUILD;
}

int by_callback(void)
{
	return BUILD;
}

int tiny(void)
{
	return BUILD - 1;
}

int tiny_pointer(void)
{
	return BUILD - 1;
}

/* --- calls inside the worker ---------------------------------------------- */

APART int exported_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

APART HIDDEN int hidden_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

static APART int static_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

static APART int table_callee(void)
{
	__asm__ volatile("");
	return BUILD;
}

int through_tail_call(void)
{
	return exported_callee();
}

int through_static_tail_call(void)
{
	return static_callee();
}

int through_exported(void)
{
	int value = exported_callee();

	__asm__ volatile("" : "+r"(value));
	return value;
}

int through_static(void)
{
	int value = static_callee();

	__asm__ volatile("" : "+r"(value));
	return value;
}

int through_hidden(void)
{
	int value = hidden_callee();

	__asm__ volatile("" : "+r"(value));
	return value;
}

int through_pointer(void)
{
	worker_function volatile function = static_callee;

	return function();
}

static worker_function table[] = { table_callee, exported_callee };

int through_table(void)
{
	worker_function *volatile functions = table;
	int value = functions[0]();

	return value == functions[1]() ? value : -1;
}

static APART int recursion(int depth)
{
	return depth ? recursion(depth - 1) + 1 : BUILD;
}

int through_recursion(void)
{
	int volatile depth = 5;

	return recursion(depth) - 5;
}

/* --- functions that the host gets hold of ---------------------------------- */

static int api_first(void)
{
	return BUILD;
}

static int api_second(void)
{
	return BUILD + 0;
}

static const struct api api = { api_first, api_second };

const struct api *worker_api(void)
{
	return &api;
}

static int static_callback(void)
{
	return BUILD;
}

HIDDEN int other_callback(void)
{
	return BUILD;
}

void worker_register(void (*put)(const char *name, worker_function function))
{
	put("static_callback", static_callback);
	put("other_callback", other_callback);
	put("by_callback", by_callback);
}

int worker_knows(const char *name, worker_function function)
{
	if (!strcmp(name, "static_callback"))
		return function == static_callback;
	if (!strcmp(name, "other_callback"))
		return function == other_callback;
	return function == by_callback;
}

worker_function worker_address(void)
{
	return by_plt;
}

static int volatile seen;

void worker_on_signal(int number)
{
	seen = number ? BUILD : 0;
}

int worker_signal_seen(void)
{
	return seen;
}
