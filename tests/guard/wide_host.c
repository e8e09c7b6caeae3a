/*
 * A host that wants results of all kinds. Questions, of which the answer is 0 or 1, or
 * what is wrong:
 *
 *     NAME        into a place of its own
 *     place       whether a large result is where it is to be
 *     pass NAME   by a function that gives on what it gets
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wide.h"

/* What a result may be in holds something else. */
#define SPOIL()                                            \
	__asm__ volatile(FILL_VECTORS "mov $-1, %%rax\n\t" \
				      "mov %%rax, %%rdx"   \
			 :                                 \
			 :                                 \
			 : "rax", "rdx", "xmm0", "xmm1")

#define IS_NUMBER(value, other) ((value) == (other))
#define IS_MEMBER(value, other) ((value).a == (other).a)
#define IS_STRUCT(value, other) (!memcmp(&(value), &(other), sizeof(other)))

/* Nothing is on the stack of x87 but what was a result. */
static __attribute__((noinline)) bool is_x87_empty(void)
{
	uint32_t env[7];

	__asm__ volatile("fnstenv %0\n\tfldenv %0" : "+m"(env));
	return (env[1] & 0x3800) == 0 && (env[2] & 0xffff) == 0xffff;
}

#define ASK(name, type, is)                                           \
	static __attribute__((noinline)) type pass_##name(void)       \
	{                                                             \
		SPOIL();                                              \
		return wide_##name();                                 \
	}                                                             \
	static const char *judge_##name(const type *value)            \
	{                                                             \
		static const type zero = { 0 }, one = { 1 };          \
                                                                      \
		if (!is_x87_empty())                                  \
			return "the stack of x87";                    \
		return is(*value, zero) ? "0" :                       \
		       is(*value, one)  ? "1" :                       \
					  "the value";                 \
	}                                                             \
	static __attribute__((noinline)) const char *ask_##name(void) \
	{                                                             \
		type value;                                           \
                                                                      \
		memset(&value, 0xee, sizeof(value));                  \
		SPOIL();                                              \
		value = wide_##name();                                \
		return judge_##name(&value);                          \
	}                                                             \
	static __attribute__((noinline)) const char *get_##name(void) \
	{                                                             \
		type value = pass_##name();                           \
                                                                      \
		return judge_##name(&value);                          \
	}
WIDE_RESULTS(ASK)

#define ENTRY(name, type, is) { #name, ask_##name, get_##name },
static const struct {
	const char *name;
	const char *(*ask)(void), *(*get)(void);
} entries[] = { WIDE_RESULTS(ENTRY) };

/* What it gets back is where the result is to be. */
static __attribute__((noinline)) void *give_place(void *place)
{
	return ((void *(*)(void *))(void *)wide_bytes)(place);
}

static const char *ask_place(void)
{
	struct bytes value;

	return give_place(&value) == &value ? "the place" : "another place";
}

static const char *answer(const char *name, bool pass)
{
	if (!strcmp(name, "place"))
		return ask_place();
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		if (!strcmp(entries[i].name, name))
			return pass ? entries[i].get() : entries[i].ask();
	exit(99);
}

int main(void)
{
	char question[200];

	while (fgets(question, sizeof(question), stdin)) {
		char *name = strtok(question, " \n"), *other;

		other = strtok(NULL, " \n");
		puts(answer(other ? other : name, other != NULL));
		fflush(stdout);
	}
	return 5;
}
