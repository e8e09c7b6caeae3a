#include "worker.h"

namespace
{

class counter
{
      public:
	virtual ~counter() = default;
	virtual long next() = 0;
};

class by_one : public counter
{
      public:
	long next() override
	{
		return ++value;
	}

      private:
	long value = 0;
};

counter *calls;
thread_local long calls_here;

template <typename T> __attribute__((noinline)) T add(T one, T other)
{
	volatile T sum = one;

	for (int i = 0; i < BUILD; i++)
		sum = sum + i;
	for (int i = 0; i < BUILD; i++)
		sum = sum - i;
	return sum + other;
}

long twice(long n)
{
	return add(n, n) + BUILD;
}

} // namespace

int build(void)
{
	return add<int>(BUILD, 0);
}

long count(void)
{
	if (!calls)
		calls = new by_one;
	return calls->next();
}

long count_here(void)
{
	return ++calls_here;
}

callback *get_callback(void)
{
	return twice;
}

long compute(long n)
{
	return add(add(n, add(n, n)), 1L);
}
