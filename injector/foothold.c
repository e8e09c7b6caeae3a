#include "injector/foothold.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "elfscan/symtab.h"
#include "injector/clock.h"
#include "injector/maps.h"
#include "injector/phrase.h"
#include "injector/priority.h"
#include "injector/reach.h"
#include "injector/remote.h"
#include "injector/safe_point.h"

#define PAGE_LEN      4096UL
#define STACK_LEN     (256UL << 10)
#define FOOTHOLD_LEN  (2 * PAGE_LEN + STACK_LEN)
#define SAFE_LIMIT_NS (5 * HI_NS_PER_S)
#define RED_ZONE      128
#define ROOM_LEN      (32UL << 10) /* a frame, and some */

extern const unsigned char hi_foothold_code[];
extern const uint64_t hi_foothold_code_len;

/* --- the C library of the host ----------------------------------------------- */

struct libc {
	uint64_t dlopen_remote;
	uint64_t syscall_remote; /* syscall; ret */
	uint64_t restore_remote; /* rt_sigreturn(2) */
};

static bool is_libc(const char *path)
{
	const char *name = hi_phrase_base_name(path);

	return !strcmp(name, "libc.so.6") || !strncmp(name, "libc-2.", 7);
}

/* The first place in the text where these bytes stand, or 0. */
static uint64_t find_code(const struct hi_image *image, const char *code,
			  size_t len)
{
	GElf_Shdr text;
	const uint8_t *bytes, *found;

	if (!hi_image_find_section(image, ".text", &text))
		return 0;
	bytes = hi_image_find_bytes(image, text.sh_addr, text.sh_size);
	found = bytes ? memmem(bytes, text.sh_size, code, len) : NULL;
	return found ? text.sh_addr + (uint64_t)(found - bytes) : 0;
}

static void read_libc(const struct hi_image *image,
		      const struct hi_symtab *symtab, uint64_t base,
		      struct libc *ret_libc)
{
	static const char call[] = "\x0f\x05\xc3";
	static const char restore[] = "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05";
	const struct hi_symbol *symbol =
		hi_symtab_find_exported(symtab, "dlopen", NULL);
	uint64_t call_link = find_code(image, call, sizeof(call) - 1);
	uint64_t restore_link = find_code(image, restore, sizeof(restore) - 1);

	if (symbol)
		ret_libc->dlopen_remote = base + symbol->addr_link;
	if (call_link)
		ret_libc->syscall_remote = base + call_link;
	if (restore_link)
		ret_libc->restore_remote = base + restore_link;
}

static int find_libc(const struct hi_host *host, const struct hi_maps *maps,
		     struct libc *ret_libc, struct hi_err *err)
{
	for (size_t i = 0; i < maps->n_maps; i++) {
		const struct hi_map *map = &maps->maps[i];
		struct hi_symtab *symtab = NULL;
		struct hi_image *image = NULL;
		char path[PATH_MAX];
		int code;

		if (map->offset || !is_libc(map->path))
			continue;
		hi_reach_file(host->pid, map, path);
		code = hi_image_open(path, &image, err);
		if (code == 0)
			code = hi_symtab_new(image, &symtab, err);
		if (code == 0)
			read_libc(image, symtab,
				  map->start - hi_image_get_header(image)
						       ->load_start_link,
				  ret_libc);
		hi_symtab_free(symtab);
		hi_image_free(image);
		if (code < 0)
			return code;
		break;
	}
	if (ret_libc->dlopen_remote && ret_libc->syscall_remote &&
	    ret_libc->restore_remote)
		return 0;
	return hi_fail(err, HI_E_HOST,
		       "%s (%d) has no C library with dlopen(), so that "
		       "nothing can be loaded into it",
		       host->name, host->pid);
}

/* --- a stack with room --------------------------------------------------------- */

/*
 * What is below the stack pointer is the thread's own only if this is the stack that
 * the kernel or the C library gave it: the first is called so, the second has the
 * thread's control block at its top.
 */
static bool has_room(const struct hi_maps *maps,
		     const struct user_regs_struct *regs)
{
	const struct hi_map *map = hi_maps_find(maps, regs->rsp);

	if (!map || !(map->prot & PROT_WRITE))
		return false;
	/* it grows */
	if (!strcmp(map->path, "[stack]"))
		return true;
	return regs->fs_base > regs->rsp && regs->fs_base < map->end &&
	       regs->rsp - map->start > ROOM_LEN;
}

/* Hold a thread that can make a system call for us. */
static int hold(struct hi_host *host, struct hi_unwinder *unwinder,
		struct hi_thread **ret_thread, uint64_t *ret_top,
		struct hi_err *err)
{
	struct user_regs_struct regs;
	struct hi_thread *thread = NULL;
	struct hi_maps maps;
	int code =
		hi_safe_point_hold(host, unwinder, SAFE_LIMIT_NS, &thread, err);

	if (code < 0)
		return code;
	code = hi_tracee_get_regs(thread->tid, &regs, err);
	if (code == 0)
		code = hi_maps_read(host->pid, &maps, err);
	if (code == 0) {
		if (!has_room(&maps, &regs))
			code = hi_fail(err, HI_E_BUSY,
				       "no thread of %s is on a stack that has "
				       "room for a call",
				       host->name);
		hi_maps_done(&maps);
	}
	if (code < 0) {
		hi_host_release(host, thread);
		return code;
	}
	*ret_thread = thread;
	*ret_top = regs.rsp - RED_ZONE;
	return 0;
}

/* --- the foothold --------------------------------------------------------------- */

static int protect(struct hi_host *host, struct hi_thread *thread,
		   const struct hi_shim_place *place, uint64_t start_remote,
		   struct hi_err *err)
{
	uint64_t arguments[6] = { start_remote, PAGE_LEN,
				  PROT_READ | PROT_EXEC };
	int64_t value = 0;
	int code = hi_remote_syscall(host, thread, place, SYS_mprotect,
				     arguments, &value, err);

	if (code < 0 || value == 0)
		return code;
	errno = (int)-value;
	return hi_fail_sys(err, "making memory of the host executable");
}

static int write_data(const struct hi_host *host, uint64_t data_remote,
		      uint64_t dlopen_remote, const char *path,
		      struct hi_err *err)
{
	int code = hi_remote_write(host, data_remote + HI_FOOTHOLD_DLOPEN_AT,
				   &dlopen_remote, 8, err);

	path = hi_reach_inside(path);
	if (code == 0 && strlen(path) + 1 > PAGE_LEN - HI_FOOTHOLD_PATH_AT)
		code = hi_fail(err, HI_E_HOST, "the path %s is too long", path);
	if (code == 0)
		code = hi_remote_write(host, data_remote + HI_FOOTHOLD_PATH_AT,
				       path, strlen(path) + 1, err);
	return code;
}

/* Map it and write it, through the held thread. */
static int make(struct hi_host *host, struct hi_thread *thread,
		const struct libc *libc, uint64_t top_remote, const char *path,
		struct hi_shim_place *ret_place, struct hi_err *err)
{
	struct hi_shim_place place = {
		.shim = { .syscall_remote = libc->syscall_remote,
			  .return_remote = libc->restore_remote },
		.stack_remote = top_remote,
	};
	uint64_t start = 0;
	int code = hi_remote_map(host, thread, &place, 0, FOOTHOLD_LEN,
				 PROT_READ | PROT_WRITE, &start, err);

	if (code == 0)
		code = hi_remote_write(host, start, hi_foothold_code,
				       hi_foothold_code_len, err);
	if (code == 0)
		code = write_data(host, start + HI_FOOTHOLD_DATA_AT,
				  libc->dlopen_remote, path, err);
	if (code == 0)
		code = protect(host, thread, &place, start, err);
	if (code < 0)
		return code;
	*ret_place = (struct hi_shim_place){
		.shim_remote = start + HI_FOOTHOLD_DATA_AT,
		.shim = { .syscall_remote = start + HI_FOOTHOLD_SYSCALL_AT,
			  .return_remote = start + HI_FOOTHOLD_RETURN_AT },
		.stack_remote = start + FOOTHOLD_LEN,
	};
	return 0;
}

static int call(struct hi_host *host, struct hi_thread *thread,
		const struct hi_shim_place *place, const char *path,
		struct hi_err *err)
{
	uint64_t open_remote = place->shim_remote - HI_FOOTHOLD_DATA_AT;
	struct hi_remote_call call;
	uint64_t handle = 0;
	int code =
		hi_remote_start(host, thread, place, open_remote, &call, err);

	if (code < 0) {
		hi_host_release(host, thread);
		return code;
	}
	code = hi_remote_finish(host, place, &call, &handle, err);
	if (code == 0 && !handle)
		code = hi_fail(err, HI_E_HOST,
			       "the loader of %s (%d) did not take %s",
			       host->name, host->pid, path);
	return code;
}

/* The thread stands still meanwhile: nobody else comes first. */
static int load(struct hi_host *host, struct hi_unwinder *unwinder,
		const struct libc *libc, const char *path,
		struct hi_foothold *ret_foothold, struct hi_err *err)
{
	struct hi_thread *thread = NULL;
	struct hi_shim_place place;
	uint64_t top = 0;
	int code = hold(host, unwinder, &thread, &top, err);

	if (code < 0)
		return code;
	code = make(host, thread, libc, top, path, &place, err);
	if (code < 0) {
		hi_host_release(host, thread);
		return code;
	}
	*ret_foothold =
		(struct hi_foothold){ place.shim_remote - HI_FOOTHOLD_DATA_AT,
				      FOOTHOLD_LEN };
	return call(host, thread, &place, path, err);
}

int hi_foothold_load(struct hi_host *host, struct hi_unwinder *unwinder,
		     const char *path, struct hi_foothold *ret_foothold,
		     struct hi_err *err)
{
	struct libc libc = { 0 };
	struct hi_maps maps;
	bool raised;
	int code = hi_maps_read(host->pid, &maps, err);

	if (code < 0)
		return code;
	code = find_libc(host, &maps, &libc, err);
	hi_maps_done(&maps);
	if (code < 0)
		return code;
	raised = hi_priority_raise(HI_PRIORITY_SELF);
	code = load(host, unwinder, &libc, path, ret_foothold, err);
	if (raised)
		hi_priority_lower(HI_PRIORITY_SELF);
	return code;
}
