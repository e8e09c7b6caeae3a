#include "injector/leave.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/own.h"
#include "injector/apply.h"
#include "injector/bind.h"
#include "injector/pin.h"

/* How much of a stack is looked at for the registers that a signal has saved. */
#define STACK_MAX 65536

/* --- is anybody at a trampoline? --------------------------------------------- */

/* The words of the thread's stack from its end on. */
static size_t read_stack(const struct hi_host *host, const struct hi_maps *maps,
			 uint64_t sp, uint64_t *words)
{
	const struct hi_map *map = hi_maps_find(maps, sp);
	size_t len = map ? map->end - (sp & ~7ULL) : 0;

	len = len < STACK_MAX ? len : STACK_MAX;
	if (!len || hi_remote_read(host, sp & ~7ULL, words, len, NULL) < 0)
		return 0;
	return len / 8;
}

static int check_thread(const struct hi_worker *worker,
			const struct hi_host *host,
			const struct hi_thread *thread,
			const struct hi_maps *maps, uint64_t *words,
			struct hi_err *err)
{
	struct user_regs_struct regs;
	bool found;
	size_t n;

	if (!thread->held || hi_tracee_get_regs(thread->tid, &regs, NULL) < 0)
		return hi_fail(err, HI_E_BUSY, "thread %d cannot be stopped",
			       thread->tid);
	found = hi_table_covers(worker->table, regs.rip);
	n = read_stack(host, maps, regs.rsp, words);
	for (size_t i = 0; i < n && !found; i++)
		found = hi_table_covers(worker->table, words[i]);
	return found ? hi_fail(err, HI_E_BUSY, "thread %d is at a trampoline",
			       thread->tid) :
		       0;
}

static int check_threads(const struct hi_worker *worker,
			 const struct hi_host *host, const struct hi_maps *maps,
			 struct hi_err *err)
{
	uint64_t *HI_FREE words = malloc(STACK_MAX);
	int code = 0;

	if (!words)
		return hi_fail(err, HI_E_NOMEM, "no memory for a stack");
	for (const struct hi_thread *thread = host->threads;
	     thread && code == 0; thread = thread->hh.next)
		code = check_thread(worker, host, thread, maps, words, err);
	return code;
}

/* --- the worker's file ------------------------------------------------------- */

/* Whether what was mapped is still there under its name. */
static int check_file(const struct hi_worker *worker, const char *path,
		      struct hi_err *err)
{
	size_t len, mapped_len;
	const struct hi_build *build = worker->builds[0];
	const uint8_t *mapped = hi_image_get_file(build->image, &mapped_len);
	struct hi_image *image = NULL;
	struct stat st;
	bool same = path && stat(path, &st) == 0 &&
		    st.st_dev == worker->first_dev &&
		    st.st_ino == worker->first_ino &&
		    hi_image_open(path, &image, NULL) == 0;

	if (same) {
		const uint8_t *bytes = hi_image_get_file(image, &len);

		same = len == mapped_len && memcmp(bytes, mapped, len) == 0;
		hi_image_free(image);
	}
	return same ? 0 :
		      hi_fail(err, HI_E_HOST,
			      "the file that it runs is no longer there");
}

/* --- all of it --------------------------------------------------------------- */

static void unmap_table(const struct hi_worker *worker, struct hi_host *host,
			struct hi_thread *thread,
			const struct hi_shim_place *place)
{
	struct hi_table_area area;

	for (size_t i = 0; hi_table_get_area(worker->table, i, &area); i++) {
		uint64_t arguments[6] = { area.start_remote,
					  hi_table_get_area_len(&area) };
		int64_t no_matter;

		/* what stays is memory that nobody uses */
		(void)!hi_remote_syscall(host, thread, place, SYS_munmap,
					 arguments, &no_matter, NULL);
	}
}

int hi_leave(const struct hi_worker *worker, struct hi_host *host,
	     struct hi_thread *thread, const struct hi_shim_place *place,
	     const struct hi_maps *maps, struct hi_err *err)
{
	char *HI_FREE path = realpath(worker->path, NULL);
	struct hi_plan plan = HI_PLAN_INIT;
	int code = check_file(worker, path, err);

	if (code == 0)
		code = check_threads(worker, host, maps, err);
	if (code == 0)
		code = hi_unbind(worker, host, maps, &plan, err);
	if (code == 0)
		code = hi_apply(host, &plan, err);
	if (code == 0) {
		code = hi_unpin(worker->builds[0], path, worker->first_dev,
				worker->first_ino, host, thread, place, maps,
				err);
		if (code < 0 && hi_apply_undo(host, &plan, NULL) < 0)
			hi_err_prefix(err, "not taken back: ");
	}
	hi_plan_done(&plan);
	if (code == 0)
		unmap_table(worker, host, thread, place);
	return code;
}
