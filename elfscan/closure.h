/*
 * closure - functions that are reached through an object which holds what they work
 * with: lambdas, closures of Rust, coroutines.
 *
 * Compilers count them. A lambda that is put before another takes over its name, and
 * one that captures more keeps it, while an object that was made before still leads
 * to the function of that name and holds what the old one captured.
 *
 *     start()::{lambda(int)#1}          group: start()::{lambda(int)#
 *     start()::{lambda(int)#2}          all that are counted together
 *
 * Ownership: hi_closures_find() fills a value that hi_closures_done() ends.
 * Errors:    HI_E_NOMEM.
 * Threads:   independent calls.
 * Source:    Itanium C++ ABI ch. 5.1.7 "Closure Types"; Rust RFC 2603; the names that
 *            gcc and clang give to the parts of a coroutine.
 */
#ifndef HI_ELFSCAN_CLOSURE_H
#define HI_ELFSCAN_CLOSURE_H

#include "elfscan/scopes.h"
#include "elfscan/symtab.h"

struct hi_closure {
	uint64_t group;
	uint64_t key;    /* of the closure, the group included */
	size_t function; /* index of a function whose name has it */
	bool unseen;     /* nothing tells what its objects hold */
	bool helper;     /* it ends or calls what is found by another name */
	char *text;      /* for messages: "start()::{lambda(int)#2}" */
};

struct hi_closures {
	struct hi_closure *all; /* sorted by group, then key */
	size_t n, cap;
};

/* A function has an entry for each closure that its name speaks of. */
int hi_closures_find(const struct hi_symtab *symtab,
		     struct hi_closures *ret_closures,
		     struct hi_err *err) HI_MUST_USE;
void hi_closures_done(struct hi_closures *closures);

/* Which closures there are in a group, as one number; 0: none. */
uint64_t hi_closures_get_members(const struct hi_closures *closures,
				 uint64_t group);

/*
 * What the object is made of through which FUNCTION is reached: what its first
 * parameter leads to, and the types that its class was made for. Types that are laid out
 * alike, with the same names, have one number.
 */
uint64_t hi_closure_layout(struct hi_scopes *scopes, Dwarf_Die *function);

/* The object that a function is called for, through a table: its first parameter. */
struct hi_receiver {
	Dwarf_Die type;
	uint64_t size;
	const char *keyword, *name; /* the debug information's */
};

bool hi_receiver_find(Dwarf_Die *function, struct hi_receiver *ret_receiver);
/* The same for types that are laid out alike, whatever their members are called. */
uint64_t hi_receiver_layout(struct hi_receiver *receiver);

#endif
