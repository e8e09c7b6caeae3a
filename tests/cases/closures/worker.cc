/*
 * Jobs that were made long ago, as a list of callbacks keeps them: lambdas, and a
 * coroutine that waits. A lambda comes before another (3), one captures more (4); the
 * coroutine keeps more across its waits (4).
 */
#include <coroutine>
#include <cstdio>
#include <cstring>

#include "worker.h"

struct job {
	int (*call)(void *object);
	void *object;
};

template <typename F> struct holder {
	static int call(void *object)
	{
		return (*static_cast<F *>(object))();
	}
};

template <typename F> static job make_job(F f)
{
	return { holder<F>::call, new F(f) };
}

static job jobs[64];
static int n_jobs;

static void make_jobs()
{
	int one = 10, two = 20;
	long more[8] = { 700, 700, 700, 700, 700, 700, 700, 700 };

	(void)more;
#if BUILD >= 3
	jobs[n_jobs++] = make_job([one, two] { return one + two + 900; });
#endif
#if BUILD >= 4
	jobs[n_jobs++] = make_job(
		[one, more] { return (int)more[7] + one + BUILD; });
#else
	jobs[n_jobs++] = make_job([one] { return one + BUILD; });
#endif
	jobs[n_jobs++] = make_job([&one = *new int(one), two] {
		return one++ + two + 100 * BUILD;
	});
}

struct task {
	struct promise_type {
		int value;
		task get_return_object()
		{
			return { std::coroutine_handle<
				promise_type>::from_promise(*this) };
		}
		std::suspend_always initial_suspend() noexcept
		{
			return {};
		}
		std::suspend_always final_suspend() noexcept
		{
			return {};
		}
		std::suspend_always yield_value(int given)
		{
			value = given;
			return {};
		}
		void return_void()
		{
		}
		void unhandled_exception()
		{
		}
	};
	std::coroutine_handle<promise_type> handle;
};

static task count(int from)
{
	for (int i = from;; i++) {
#if BUILD >= 4
		int kept[64] = { BUILD };

		co_yield -i;
		co_yield i + 1000 * kept[i & 0];
#else
		co_yield i + 1000 * BUILD;
#endif
	}
}

static task counting;

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	int old = 0, at = 0;

	if (!n_jobs)
		counting = count(1);
	if (!n_jobs || !strcmp(question, "more"))
		make_jobs();
	counting.handle.resume();
	for (int i = 0; i < 2; i++)
		old = old * 1000 + jobs[i].call(jobs[i].object);
	for (int i = n_jobs - 2; i < n_jobs; i++)
		at = at * 1000 + jobs[i].call(jobs[i].object);
	snprintf(answer, len, "first=%d last=%d counted=%d", old, at,
		 counting.handle.promise().value);
}
