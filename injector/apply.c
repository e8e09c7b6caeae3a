#include "injector/apply.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "injector/remote.h"

#define BATCH_MAX 512 /* below IOV_MAX */
#define RUN_MAX   4096

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

/* How many data writes from AT on go into one process_vm_writev(2). */
static size_t put_batch(const struct hi_host *host, const struct hi_plan *plan,
			size_t at)
{
	struct iovec here[BATCH_MAX], there[BATCH_MAX];
	size_t n = 0, total = 0;

	while (at + n < plan->n_writes && n < BATCH_MAX &&
	       !plan->writes[at + n].code) {
		const struct hi_write *write = &plan->writes[at + n];

		here[n].iov_base = (void *)write->bytes;
		there[n].iov_base = (void *)write->to_remote;
		here[n].iov_len = there[n].iov_len = write->len;
		total += write->len;
		n++;
	}
	if (n < 2 || process_vm_writev(host->pid, here, n, there, n, 0) !=
			     (ssize_t)total)
		return 0; /* one by one, which also names the failing one */
	return n;
}

/* Adjacent code writes go into one pwrite(2). */
static size_t put_run(const struct hi_host *host, const struct hi_plan *plan,
		      size_t at)
{
	unsigned char run[RUN_MAX];
	size_t n = 0, len = 0;
	uint64_t start = plan->writes[at].to_remote;

	while (at + n < plan->n_writes && plan->writes[at + n].code &&
	       plan->writes[at + n].to_remote == start + len &&
	       len + plan->writes[at + n].len <= sizeof(run)) {
		memcpy(run + len, plan->writes[at + n].bytes,
		       plan->writes[at + n].len);
		len += plan->writes[at + n].len;
		n++;
	}
	if (n < 2 || hi_remote_poke(host, start, run, len, NULL) < 0)
		return 0;
	return n;
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
			/* what a failed batch wrote in part is taken back too */
			if (undo(host, plan, at + 1, NULL) < 0)
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
