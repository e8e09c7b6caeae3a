/*
 * shim_abi - the contract between the injector and the shim inside the host.
 *
 * The shim exports one variable, hotinject_shim, of type struct hi_shim. The
 * injector reads and writes it from outside; the shim never moves it.
 *
 *   injector                          shim (a thread of the host)
 *   ----------------------------------------------------------------------
 *   fills load.path, ...; step = 0
 *   remote call of hotinject_spawn -> creates the loader thread, returns
 *   or, to one that lingers: go = OPEN
 *                                     loader: dlopen; step = LOADED (or FAILED)
 *   looks, writes; fills resolvers;
 *   step = RUNNING, go = RESOLVE   -> loader: calls the IFUNC resolvers, which the
 *                                     snapshot hides from ld.so;
 *                                     step = RESOLVED (or FAILED); again for more
 *   step = RUNNING, go = CONSTRUCT -> loader: runs the constructors;
 *                                     step = CONSTRUCTED (or FAILED)
 *   relinks, publishes; go = KEEP  -> loader: step = DONE
 *               or      go = CLOSE -> loader: dlclose; step = DONE
 *                                     lingers for a second, then go = GONE and it
 *                                     ends
 *
 * Units:     addresses are host addresses as 64-bit integers.
 * Ownership: everything lies in the shim's .data; tables that hold addresses
 *            (answers) lie in memory that the injector mapped into the host.
 * Threads:   step is stored by the loader (release) and read by the injector,
 *            which stores RUNNING while the loader waits for go;
 *            go is stored by the injector and read by the loader, which may
 *            turn WAIT into GONE; so OPEN is stored while the loader is stopped.
 *            thread is stored by both: by the injector as part of a request, where 0
 *            asks for a new thread.
 */
#ifndef HI_COMMON_SHIM_ABI_H
#define HI_COMMON_SHIM_ABI_H

/* Used by the assembly, which cannot use offsetof(). */
#define HI_SHIM_CALL_RESULT_AT 48
#define HI_SHIM_CALL_DONE_AT   56
#define HI_SHIM_ANSWERS_AT     64
/* Bytes of code at return_remote. */
#define HI_SHIM_RETURN_LEN 80
/* Code that returns a zero in memory: so many sizes, so far from each other. */
#define HI_SHIM_HOLD_SIZES   64
#define HI_SHIM_HOLD_LEN     16
#define HI_SHIM_HOLD_SIZE_AT 5

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#define HI_SHIM_MAGIC   0x314a4e49544f48ULL /* "HOTINJ1" */
#define HI_SHIM_VERSION 6
#define HI_SHIM_SYMBOL  "hotinject_shim"
#define HI_SHIM_FILE    "libhotinject.so"

enum hi_load_step {
	HI_LOAD_NONE = 0,
	HI_LOAD_STARTED,     /* the thread runs */
	HI_LOAD_LOADED,      /* mapped and relocated; waits for go */
	HI_LOAD_RUNNING,     /* in the build's resolvers or constructors */
	HI_LOAD_RESOLVED,    /* resolvers have run; waits for go */
	HI_LOAD_CONSTRUCTED, /* constructors have run; waits for go */
	HI_LOAD_FAILED,      /* error says why; waits for go = CLOSE or KEEP */
	HI_LOAD_DONE,        /* the thread lingers, or is about to end */
};

enum hi_load_go {
	HI_GO_WAIT = 0,
	HI_GO_RESOLVE,
	HI_GO_CONSTRUCT,
	HI_GO_KEEP,
	HI_GO_CLOSE,
	HI_GO_OPEN, /* another load for a thread that lingers */
	HI_GO_GONE, /* it lingers no longer */
};

/* The TLS block of a build that is mapped: asked by link map (tls_home: by any
   address inside the build, replaced by its link map), answered with
   the module id and, for static TLS, its distance from the thread pointer. */
struct hi_shim_tls {
	uint64_t map_remote;
	uint64_t module; /* 0: the build has no TLS block */
	uint64_t block;  /* the loader thread's block, 0 when not allocated */
	uint64_t thread_pointer; /* of the loader thread */
};

#define HI_SHIM_PATH_MAX      4096
#define HI_SHIM_ERROR_MAX     1024
#define HI_SHIM_RESOLVERS_MAX 64
#define HI_SHIM_STAND_INS_MAX 24

struct hi_shim_load {
	uint32_t step;      /* enum hi_load_step */
	uint32_t go;        /* enum hi_load_go */
	uint32_t ended_by;  /* 1 + the stand-in that the build has called */
	int32_t end_signal; /* that it tried to send the host, 0: none */
	int32_t thread;     /* of the loader, 0 before it runs */
	uint32_t foreign; /* the host opened or closed libraries since last time */
	uint64_t handle;
	uint64_t map_remote;  /* struct link_map */
	uint64_t base_remote; /* l_addr */
	/* constructors, which the snapshot's own dynamic section no longer
	   names: DT_INIT and DT_INIT_ARRAY, link-time addresses */
	uint64_t init_link;
	uint64_t init_array_link;
	uint64_t n_init_array;
	struct hi_shim_tls tls_home; /* in: map_remote of build #1 */
	struct hi_shim_tls tls_new;
	char path[HI_SHIM_PATH_MAX];
	char error[HI_SHIM_ERROR_MAX];
	/* in: addresses of resolvers; out: what they returned */
	uint64_t resolvers[HI_SHIM_RESOLVERS_MAX];
	uint32_t n_resolvers;
	uint32_t at_resolver; /* the one that runs */
};

/* A function of the C library that could end the host, and what the build reaches
   in its place while its resolvers and constructors run. */
struct hi_shim_stand_in {
	char name[24]; /* "" ends the list */
	uint64_t address_remote;
};

/* dlsym() answers TRAMPOLINE where the real one would give ENTRY. */
struct hi_shim_answer {
	uint64_t entry_remote;
	uint64_t trampoline_remote;
	uint64_t name_remote; /* NUL-terminated */
};

struct hi_shim {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* sizeof(struct hi_shim) */
	/* of the shim's own code */
	uint64_t spawn_remote;   /* int hotinject_spawn(void): 0 or errno */
	uint64_t return_remote;  /* where a remote call returns to */
	uint64_t syscall_remote; /* one system call, as the registers say */
	uint64_t abandon_remote; /* ends a constructor: leaves to the loader */
	/* end of a remote call */
	uint64_t call_result;
	uint64_t call_done; /* 1 when the call has returned */
	/* dlsym */
	uint64_t answers_remote; /* struct hi_shim_answer[], or 0 */
	uint64_t n_answers;
	/* top of a stack that is enough for a system call */
	uint64_t first_stack_remote;
	/* code that returns zero at once (preload/holds_x86_64.S) */
	uint64_t hold_registers_remote;
	uint64_t hold_x87_remote;
	uint64_t hold_x87_pair_remote;
	uint64_t hold_memory_remote; /* HI_SHIM_HOLD_SIZES of them */
	struct hi_shim_stand_in stand_ins[HI_SHIM_STAND_INS_MAX];
	struct hi_shim_load load;
};

_Static_assert(offsetof(struct hi_shim, call_result) == HI_SHIM_CALL_RESULT_AT,
	       "the assembly knows this offset");
_Static_assert(offsetof(struct hi_shim, call_done) == HI_SHIM_CALL_DONE_AT,
	       "the assembly knows this offset");
_Static_assert(offsetof(struct hi_shim, answers_remote) == HI_SHIM_ANSWERS_AT,
	       "the assembly knows this offset");

#endif /* __ASSEMBLER__ */
#endif
