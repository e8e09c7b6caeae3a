/*
 * Classes that no other file knows: the C++ library tells their types by the
 * address of the type's name.
 */
#include <cstdio>
#include <memory>
#include <typeinfo>
#include <vector>

#include "worker.h"

namespace
{

struct base {
	virtual ~base() = default;
	virtual int value() const
	{
		return -1;
	}
};

struct derived : base {
	int value() const override
	{
		return BUILD;
	}
};

struct failure {
	int build;
};

std::vector<std::unique_ptr<base>> objects;

int caught()
{
	try {
		throw failure{ BUILD };
	} catch (const failure &f) {
		return f.build;
	}
}

} // namespace

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	objects.push_back(std::make_unique<derived>());
	const base &first = *objects.front();
	const derived *cast = dynamic_cast<const derived *>(&first);

	snprintf(answer, len, "%s=%d cast=%d same_type=%d caught=%d", question,
		 first.value(), cast ? cast->value() : -1,
		 typeid(first) == typeid(*objects.back()), caught());
}
