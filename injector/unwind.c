#include "injector/unwind.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injector/reach.h"
#include "injector/remote.h"
#include "injector/unwind_parts.h"

/* psABI ch. 3.6.2, figure 3.36 */
#define RBX 3

static pid_t next_thread(Dwfl *dwfl, void *context, void **thread_context)
{
	struct hi_unwinder *unwinder = context;

	(void)dwfl;
	if (*thread_context)
		return 0;
	*thread_context = unwinder;
	return unwinder->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context,
		       void **thread_context)
{
	(void)dwfl;
	(void)tid;
	*thread_context = context;
	return true;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *result,
			void *context)
{
	struct hi_unwinder *unwinder = context;
	uint64_t start = at & ~(uint64_t)(HI_UNWIND_WINDOW - 1);

	(void)dwfl;
	if (at - start > HI_UNWIND_WINDOW - sizeof(*result))
		return hi_remote_read(unwinder->host, at, result,
				      sizeof(*result), NULL) == 0;
	if (unwinder->window_at != start) {
		unwinder->window_at = 0;
		if (hi_remote_read(unwinder->host, start, unwinder->window,
				   HI_UNWIND_WINDOW, NULL) < 0)
			return false;
		unwinder->window_at = start;
	}
	memcpy(result, unwinder->window + (at - start), sizeof(*result));
	return true;
}

/* DWARF register numbers of x86-64: psABI ch. 3.6.2, figure 3.36. */
static bool set_registers(Dwfl_Thread *thread, void *context)
{
	const struct hi_unwinder *unwinder = context;
	const struct user_regs_struct *regs = &unwinder->start->regs;
	const Dwarf_Word all[17] = {
		regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi,
		regs->rdi, regs->rbp, regs->rsp, regs->r8,  regs->r9,
		regs->r10, regs->r11, regs->r12, regs->r13, regs->r14,
		regs->r15, regs->rip,
	};
	Dwarf_Word sp = regs->rsp;

	if (!unwinder->start->all) {
		dwfl_thread_state_register_pc(thread, regs->rip);
		return dwfl_thread_state_registers(thread, 7, 1, &sp);
	}
	return dwfl_thread_state_registers(thread, 0, 17, all);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = memory_read,
	.set_initial_registers = set_registers,
};

/* Separate debug files are not needed for unwinding, and slow to look for. */
static int no_debuginfo(Dwfl_Module *module, void **userdata, const char *name,
			Dwarf_Addr base, const char *file,
			const char *debuglink, GElf_Word crc, char **ret_name)
{
	(void)module;
	(void)userdata;
	(void)name;
	(void)base;
	(void)file;
	(void)debuglink;
	(void)crc;
	(void)ret_name;
	return -1;
}

/*
 * libdwfl would keep a descriptor for each file. Builds add up, so the file is
 * mapped and the descriptor closed.
 */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name,
		    Dwarf_Addr base, char **ret_file, Elf **ret_elf)
{
	const struct hi_unwinder *unwinder = *userdata;
	char inside[PATH_MAX];
	int fd = -1;

	/* what is called so here may be another file */
	if (unwinder && unwinder->apart && name[0] == '/' &&
	    snprintf(inside, sizeof(inside), "/proc/%d/root%s",
		     unwinder->host->pid, name) < (int)sizeof(inside))
		fd = open(inside, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = dwfl_linux_proc_find_elf(module, userdata, name, base,
					      ret_file, ret_elf);
	if (fd < 0 || *ret_elf)
		return fd;
	*ret_elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (!*ret_elf)
		return fd;
	elf_cntl(*ret_elf, ELF_C_FDDONE);
	close(fd);
	return -1;
}

static const Dwfl_Callbacks dwfl_callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = no_debuginfo,
};

/* So that find_elf() knows whose module it is. */
static int set_unwinder(Dwfl_Module *module, void **userdata, const char *name,
			Dwarf_Addr base, void *unwinder)
{
	(void)module;
	(void)name;
	(void)base;
	*userdata = unwinder;
	return DWARF_CB_OK;
}

void hi_unwinder_own(struct hi_unwinder *unwinder)
{
	if (unwinder->apart)
		dwfl_getmodules(unwinder->dwfl, set_unwinder, unwinder, 0);
}

int hi_unwinder_new(const struct hi_host *host,
		    struct hi_unwinder **ret_unwinder, struct hi_err *err)
{
	struct hi_unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (!unwinder)
		return hi_fail(err, HI_E_NOMEM, "no memory to unwind");
	unwinder->host = host;
	unwinder->apart = hi_reach_is_apart(host->pid);
	unwinder->dwfl = dwfl_begin(&dwfl_callbacks);
	if (!unwinder->dwfl) {
		free(unwinder);
		return hi_fail(err, HI_E_INTERNAL, "libdwfl cannot start: %s",
			       dwfl_errmsg(-1));
	}
	*ret_unwinder = unwinder;
	return 0;
}

void hi_unwinder_free(struct hi_unwinder *unwinder)
{
	if (!unwinder)
		return;
	dwfl_end(unwinder->dwfl);
	free(unwinder);
}

void hi_unwinder_stale(struct hi_unwinder *unwinder)
{
	unwinder->fresh = false;
}

void hi_unwinder_refresh(struct hi_unwinder *unwinder)
{
	if (unwinder->fresh)
		return;
	dwfl_report_begin(unwinder->dwfl);
	dwfl_linux_proc_report(unwinder->dwfl, unwinder->host->pid);
	dwfl_report_end(unwinder->dwfl, NULL, NULL);
	hi_unwinder_own(unwinder);
	if (!unwinder->attached)
		unwinder->attached = dwfl_attach_state(unwinder->dwfl, NULL,
						       unwinder->host->pid,
						       &thread_callbacks,
						       unwinder);
	unwinder->fresh = true;
}

void hi_unwinder_add(struct hi_unwinder *unwinder, const char *path,
		     uint64_t start_remote, uint64_t end_remote)
{
	if (!unwinder->fresh)
		return;
	dwfl_report_begin_add(unwinder->dwfl);
	dwfl_report_module(unwinder->dwfl, path, start_remote, end_remote);
	dwfl_report_end(unwinder->dwfl, NULL, NULL);
}

static int add_frame(Dwfl_Frame *state, void *context)
{
	struct hi_frames *frames = context;
	struct hi_frame *frame = &frames->frames[frames->n];
	Dwarf_Addr pc = 0;
	Dwarf_Word sp = 0;
	bool activation = false;

	if (frames->n == HI_FRAMES_MAX)
		return DWARF_CB_ABORT;
	if (!dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	frame->pc = activation ? pc : pc - 1;
	frame->activation = activation;
	frame->sp = dwfl_frame_reg(state, 7, &sp) == 0 ? sp : 0;
	frames->n++;
	return DWARF_CB_OK;
}

/* 0: the last frame says that it has no caller. */
static int unwind(struct hi_unwinder *unwinder, pid_t tid,
		  const struct hi_start_regs *start,
		  int (*take)(Dwfl_Frame *, void *), void *context)
{
	hi_unwinder_refresh(unwinder);
	unwinder->tid = tid;
	unwinder->start = start;
	unwinder->window_at = 0;
	return dwfl_getthread_frames(unwinder->dwfl, tid, take, context);
}

void hi_unwind(struct hi_unwinder *unwinder, pid_t tid,
	       const struct hi_start_regs *start, struct hi_frames *ret_frames)
{
	ret_frames->n = 0;
	ret_frames->whole = false;
	ret_frames->whole =
		unwind(unwinder, tid, start, add_frame, ret_frames) == 0;
}

struct visit {
	hi_frame_visit *visit;
	void *context;
	Dwarf_Word rbx;
};

static int visit_frame(Dwfl_Frame *state, void *context)
{
	struct visit *visit = context;
	struct hi_frame_view view = { .state = state };
	Dwarf_Addr pc = 0;

	/* libdwfl 0.188 believes of rax, not of rbx, that a call preserves it:
	   what a frame does not save is the same in its caller */
	(void)dwfl_frame_reg(state, RBX, &visit->rbx);
	view.rbx = visit->rbx;
	if (!dwfl_frame_pc(state, &pc, &view.activation))
		return DWARF_CB_ABORT;
	view.pc = pc;
	return visit->visit(visit->context, &view) ? DWARF_CB_OK :
						     DWARF_CB_ABORT;
}

void hi_unwind_each(struct hi_unwinder *unwinder, pid_t tid,
		    const struct hi_start_regs *start, hi_frame_visit *visit,
		    void *context)
{
	struct visit all = { visit, context, start->regs.rbx };

	(void)unwind(unwinder, tid, start, visit_frame, &all);
}

bool hi_frame_get_regs(const struct hi_frame_view *view,
		       struct user_regs_struct *ret_regs)
{
	/* psABI ch. 3.6.2, figure 3.36 */
	const struct {
		unsigned int number;
		unsigned long long *to;
	} kept[] = {
		{ 6, &ret_regs->rbp },  { 7, &ret_regs->rsp },
		{ 12, &ret_regs->r12 }, { 13, &ret_regs->r13 },
		{ 14, &ret_regs->r14 }, { 15, &ret_regs->r15 },
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		Dwarf_Word value = 0;

		if (dwfl_frame_reg(view->state, kept[i].number, &value) != 0)
			return false;
		*kept[i].to = value;
	}
	ret_regs->rbx = view->rbx;
	ret_regs->rip = view->pc;
	return true;
}
