/*
 * A build that was live is live again: as a new copy of what its file held, which takes
 * the same way as a new build.
 */
#include <sys/stat.h>

#include "injector/history.h"
#include "injector/record_was.h"
#include "injector/reload_parts.h"
#include "injector/retire.h"
#include "injector/thin.h"

static int begin(const struct hi_candidate *candidate,
		 struct hi_snapshot **ret_snapshot, struct hi_err *err)
{
	const struct hi_reload *reload = candidate->reload;
	int fd;

	if (!reload->back)
		return hi_snapshot_begin(reload->snapshots,
					 reload->worker->path,
					 candidate->number, ret_snapshot, err);
	fd = hi_record_open_was(reload->back, err);
	return fd < 0 ? fd :
			hi_snapshot_begin_fd(reload->snapshots, fd,
					     reload->worker->name,
					     candidate->number, ret_snapshot,
					     err);
}

/*
 * A copy that ld.so can tell from the file that it opened first. The second copy is
 * made while the first is there, so their inodes differ.
 */
int hi_candidate_copy(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_worker *worker = candidate->reload->worker;
	struct hi_snapshot *first = NULL;
	struct stat st;
	int code;

	/* not of the build that somebody wants to go back to */
	if (!candidate->reload->back && stat(worker->path, &st) == 0)
		hi_retire_make_room(worker, (uint64_t)st.st_size);
	code = begin(candidate, &first, err);
	if (code == 0 && stat(hi_snapshot_get_path(first), &st) == 0 &&
	    st.st_ino == worker->first_ino && st.st_dev == worker->first_dev) {
		code = begin(candidate, &candidate->snapshot, err);
		hi_snapshot_cancel(first);
	} else if (code == 0) {
		candidate->snapshot = first;
	}
	return code;
}

static bool has(struct hi_snapshot *snapshot, const struct hi_content *content)
{
	bool known = false;

	return hi_snapshot_is_known(snapshot, content, &known, NULL) == 0 &&
	       known;
}

bool hi_candidate_is_aside(const struct hi_candidate *candidate,
			   struct hi_snapshot *snapshot)
{
	const struct hi_reload *reload = candidate->reload;
	struct hi_worker *worker = reload->worker;

	if (worker->has_aside && !reload->asked &&
	    has(snapshot, &worker->aside)) {
		hi_report_detail(reload->report,
				 "%s has the content of a build that was gone "
				 "back from",
				 worker->name);
		return true;
	}
	return false;
}

/* A link or a name of its own leaves a file as it is, and changes its ctime. */
static bool is_same_file(const struct hi_identity *a,
			 const struct hi_identity *b)
{
	return a->exists && b->exists && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

bool hi_candidate_is_refused(const struct hi_candidate *candidate,
			     struct hi_snapshot *snapshot)
{
	const struct hi_reload *reload = candidate->reload;
	struct hi_worker *worker = reload->worker;

	if (reload->asked || worker->refused_by != worker->current ||
	    !is_same_file(&worker->refused_file, &candidate->file) ||
	    !has(snapshot, &worker->refused))
		return false;
	hi_report_detail(reload->report, "%s is the file that was refused",
			 worker->name);
	return true;
}

void hi_candidate_note_refused(const struct hi_candidate *candidate)
{
	struct hi_worker *worker = candidate->reload->worker;

	worker->refused_by = NULL;
	if (!candidate->whole || candidate->reload->back ||
	    hi_snapshot_get_content(candidate->snapshot, &worker->refused,
				    NULL) < 0)
		return;
	worker->refused_file = candidate->file;
	worker->refused_by = worker->current;
}

/* What runs, what is to run, and what was set aside: all that the user knows. */
bool hi_candidate_is_no_news(const struct hi_candidate *candidate,
			     struct hi_snapshot *snapshot)
{
	const struct hi_reload *reload = candidate->reload;

	if (has(snapshot, &reload->worker->current->content) ||
	    has(snapshot, &reload->back->content)) {
		hi_report_detail(reload->report,
				 "%s has nothing newer than #%u, which waits",
				 reload->worker->name, reload->back->number);
		return true;
	}
	return hi_candidate_is_aside(candidate, snapshot);
}

bool hi_candidate_take_back(struct hi_candidate *candidate, struct hi_err *err)
{
	struct hi_reload *reload = candidate->reload;
	struct hi_history *history = hi_report_get_history(reload->report);
	int code;

	hi_history_set_image(history, NULL, NULL);
	candidate->number = reload->back->number;
	code = hi_candidate_copy(candidate, err);
	if (code == 0)
		code = hi_build_open_snapshot(candidate->snapshot,
					      reload->worker->path,
					      candidate->number,
					      &candidate->build, err);
	if (code < 0) {
		hi_reasons_add_err(&candidate->reasons, "load-file", err);
		return false;
	}
	candidate->build->again = true;
	if (hi_thin_look(candidate->build) == HI_COPY_CODE)
		hi_report_note(reload->report,
			       "the debug information of %s #%u was let go of "
			       "to save room: its types are not compared",
			       reload->worker->name, candidate->number);
	hi_history_set_image(history, candidate->build->image,
			     candidate->build->path);
	return true;
}

/* The file's content is not to be taken by itself once the user went back from it. */
void hi_candidate_note_way(const struct hi_candidate *candidate,
			   const struct hi_build *previous)
{
	const struct hi_build *back = candidate->reload->back;
	struct hi_worker *worker = candidate->reload->worker;

	candidate->build->before = back ? back->before : previous->number;
	/* of one that was gone back to before, the file has held nothing since,
	   unless it holds the same */
	if (!back || (previous->again && worker->has_aside))
		return;
	worker->has_aside = true;
	worker->aside = previous->content;
}
