#ifndef VTABLES_WORKER_H
#define VTABLES_WORKER_H

#include <exception>
#include <memory>
#include <string>

struct shape {
	virtual ~shape();
	virtual int value() const = 0;
	virtual std::string name() const;
};

struct second_base {
	virtual ~second_base();
	virtual int other() const = 0;
};

struct failure : std::exception {
	int build;
	explicit failure(int build) : build(build)
	{
	}
	const char *what() const noexcept override;
};

std::unique_ptr<shape> make_shape();
second_base *get_second(shape *of);
int fail();

#endif
