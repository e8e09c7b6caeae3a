#include "injector/crash_tell.h"

#include <stdio.h>
#include <string.h>

#include "elfscan/cleanup.h"

/* Line NUMBER of the file, without the blanks around it. */
static void read_source(const char *path, int number, char *line, size_t size)
{
	FILE *file = number > 0 && path[0] == '/' ? fopen(path, "re") : NULL;
	char text[512];
	size_t blanks, len;
	int at = 1;
	bool begins = true;

	line[0] = '\0';
	if (!file)
		return;
	while (fgets(text, sizeof(text), file)) {
		if (begins && at == number)
			break;
		begins = strchr(text, '\n') != NULL;
		at += begins;
		text[0] = '\0';
	}
	fclose(file);
	blanks = strspn(text, " \t");
	len = strcspn(text + blanks, "\r\n");
	snprintf(line, size, "%.*s", (int)len, text + blanks);
}

/* The part of a function that is seldom run is no other function. */
static const char *find_name(struct hi_unwinder *unwinder, uint64_t pc,
			     char *name, size_t size)
{
	char *part;

	hi_unwinder_name(unwinder, pc, name, size);
	part = strstr(name, ".cold");
	if (part)
		*part = '\0';
	return name;
}

static void tell_frame(struct hi_unwinder *unwinder, uint64_t pc, size_t at,
		       struct hi_told *told)
{
	struct hi_report_frame *frame = &told->frames[at];
	char path[1024];
	int number;

	hi_unwinder_get_where(unwinder, pc, told->where[at],
			      sizeof(told->where[at]));
	number = hi_unwinder_get_line(unwinder, pc, path, sizeof(path));
	read_source(path, number, told->source[at], sizeof(told->source[at]));
	frame->function =
		find_name(unwinder, pc, told->name[at], sizeof(told->name[at]));
	frame->module = hi_unwinder_get_module(unwinder, pc);
	frame->where = told->where[at];
	frame->source = told->source[at];
}

/* What a frame that is left would have done. */
static bool skips_cleanup(const struct hi_escape_frame *frame)
{
	const struct hi_build *build = frame->build;

	return build &&
	       hi_cleanup_at(build->image, frame->pc - build->base_remote);
}

static void tell_frames(const struct hi_escape *escape,
			struct hi_unwinder *unwinder, struct hi_told *told)
{
	size_t n = escape->n_frames < HI_ESCAPE_FRAMES ? escape->n_frames :
							 HI_ESCAPE_FRAMES;
	bool goes_on = escape->regs.rip != 0;

	for (size_t i = 0; i < n; i++) {
		tell_frame(unwinder, escape->frames[i].pc, i, told);
		told->frames[i].cleanup = skips_cleanup(&escape->frames[i]);
	}
	/* where the host goes on: inside the call */
	if (goes_on)
		tell_frame(unwinder, escape->regs.rip - !escape->is_handler, n,
			   told);
	told->report.frames = told->frames;
	told->report.n_frames = n + goes_on;
	told->report.n_left = n;
	told->report.n_more = escape->n_frames - n;
}

static void tell_locks(const struct hi_held_locks *locks, struct hi_told *told)
{
	size_t n = 0;

	for (size_t i = 0; i < locks->n; i++) {
		const struct hi_held_lock *lock = &locks->list[i];

		snprintf(told->locks[n++], sizeof(told->locks[0]), "%s %s",
			 lock->what,
			 lock->released ? "was released" :
					  "is still held by the thread");
	}
	if (locks->more)
		snprintf(told->locks[n++], sizeof(told->locks[0]),
			 "and more locks");
	for (size_t i = 0; i < n; i++)
		told->lock_list[i] = told->locks[i];
	told->report.locks = told->lock_list;
	told->report.n_locks = n;
}

void hi_crash_tell(const struct hi_crash *crash, const struct hi_host *host,
		   struct hi_unwinder *unwinder, struct hi_told *told)
{
	const struct hi_escape *escape = &crash->escape;
	uint64_t pc = escape->innermost.pc;

	memset(told, 0, sizeof(*told));
	tell_frames(escape, unwinder, told);
	hi_unwinder_get_where(unwinder, pc, told->worker_where,
			      sizeof(told->worker_where));
	told->report.pid = host->pid;
	told->report.thread = crash->tid;
	told->report.worker = escape->worker->name;
	told->report.build = escape->innermost.build->number;
	told->report.image = escape->innermost.build->image;
	told->report.signal = hi_fault_get_name(crash->fault.signal);
	told->report.has_address = crash->fault.has_address;
	told->report.address_remote = crash->fault.address_remote;
	told->report.overflow =
		hi_fault_is_overflow(&crash->fault, escape->n_frames);
	told->report.function = find_name(unwinder, pc, told->worker_name,
					  sizeof(told->worker_name));
	told->report.where = told->worker_where;
	if (crash->function)
		told->report.entered = crash->function->symbol->name;
	else if (hi_unwinder_get_function(unwinder, escape->entered_pc))
		told->report.entered = find_name(unwinder, escape->entered_pc,
						 told->entered_name,
						 sizeof(told->entered_name));
	tell_locks(&crash->locks, told);
	told->report.why = crash->why_not.sentence;
}

void hi_crash_tell_done(struct hi_told *told)
{
	memset(told, 0, sizeof(*told));
}
