#include "injector/apply.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "injector/remote.h"

#define BATCH_MAX 512 /* below IOV_MAX */
#define RUN_MAX   (16UL << 10)
#define PAGE      4096UL

/* One write, forwards or back. */
static int put(const struct hi_host *host, const struct hi_write *write,
	       bool back, struct hi_err *err)
{
	const void *bytes = back ? write->before : write->bytes;

	if (write->code)
		return hi_remote_poke(host, write->to_remote, bytes, write->len,
				      err);
	return hi_remote_write(host, write->to_remote, bytes, write->len, err);
}

/* Whether WRITE begins where the last of the N pieces ends. */
static bool goes_on(const struct iovec *pieces, size_t n,
		    const struct hi_write *write)
{
	const struct iovec *last = &pieces[n - 1];

	return n > 0 &&
	       (uint64_t)last->iov_base + last->iov_len == write->to_remote;
}

/* How many data writes from AT on go into one process_vm_writev(2). */
static size_t put_batch(const struct hi_host *host, const struct hi_plan *plan,
			size_t at)
{
	struct iovec here[BATCH_MAX], there[BATCH_MAX];
	size_t n = 0, n_there = 0, total = 0;

	while (at + n < plan->n_writes && n < BATCH_MAX &&
	       !plan->writes[at + n].code) {
		const struct hi_write *write = &plan->writes[at + n];

		here[n].iov_base = (void *)write->bytes;
		here[n++].iov_len = write->len;
		total += write->len;
		if (goes_on(there, n_there, write)) {
			there[n_there - 1].iov_len += write->len;
			continue;
		}
		there[n_there].iov_base = (void *)write->to_remote;
		there[n_there++].iov_len = write->len;
	}
	if (n < 2 || process_vm_writev(host->pid, here, n, there, n_there, 0) !=
			     (ssize_t)total)
		return 0; /* one by one, which also names the failing one */
	return n;
}

/*
 * How many code writes from AT on, in ascending order, leave no page between them
 * untouched: a page that is written is copied for the host.
 */
static size_t find_run(const struct hi_plan *plan, size_t at, size_t *ret_len)
{
	const struct hi_write *writes = &plan->writes[at];
	uint64_t end = writes->to_remote;
	size_t n = 0;

	while (at + n < plan->n_writes && writes[n].code &&
	       writes[n].to_remote >= end &&
	       writes[n].to_remote / PAGE <= (end - 1) / PAGE + 1 &&
	       writes[n].to_remote + writes[n].len - writes->to_remote <=
		       RUN_MAX) {
		end = writes[n].to_remote + writes[n].len;
		n++;
	}
	*ret_len = end - writes->to_remote;
	return n;
}

/*
 * Code writes to neighbouring pages go into one pwrite(2), with what is between
 * them: nobody else writes to memory that is not writable.
 */
static size_t put_run(const struct hi_host *host, const struct hi_plan *plan,
		      size_t at)
{
	unsigned char run[RUN_MAX];
	uint64_t start = plan->writes[at].to_remote;
	size_t len, n = find_run(plan, at, &len);

	if (n < 2 || hi_remote_read(host, start, run, len, NULL) < 0)
		return 0;
	for (size_t i = at; i < at + n; i++)
		memcpy(run + (plan->writes[i].to_remote - start),
		       plan->writes[i].bytes, plan->writes[i].len);
	return hi_remote_poke(host, start, run, len, NULL) < 0 ? 0 : n;
}

static int undo(const struct hi_host *host, const struct hi_plan *plan,
		size_t n, struct hi_err *err)
{
	int code = 0;

	while (n-- > 0) {
		int failed = put(host, &plan->writes[n], true, err);

		code = failed < 0 ? failed : code;
	}
	return code;
}

int hi_apply(const struct hi_host *host, const struct hi_plan *plan,
	     struct hi_err *err)
{
	size_t at = 0;

	if (plan->failed)
		return hi_fail(err, HI_E_NOMEM, "no memory for the plan");
	while (at < plan->n_writes) {
		size_t done = plan->writes[at].code ? put_run(host, plan, at) :
						      put_batch(host, plan, at);
		int code = 0;

		if (done == 0) {
			code = put(host, &plan->writes[at], false, err);
			done = 1;
		}
		if (code < 0) {
			/* it may have been made in part, but not as a whole */
			(void)!put(host, &plan->writes[at], true, NULL);
			if (undo(host, plan, at, NULL) < 0)
				hi_err_prefix(err, "not taken back: ");
			return code;
		}
		at += done;
	}
	return 0;
}

int hi_apply_undo(const struct hi_host *host, const struct hi_plan *plan,
		  struct hi_err *err)
{
	return undo(host, plan, plan->n_writes, err);
}
