#include "worker.h"

shape::~shape() = default;
second_base::~second_base() = default;

std::string shape::name() const
{
	return "shape" + std::to_string(BUILD);
}

const char *failure::what() const noexcept
{
	return "failure";
}

namespace shapes
{

struct square final : shape, second_base {
	int value() const override
	{
		return BUILD;
	}

	int other() const override
	{
		return BUILD;
	}
};

} // namespace shapes

std::unique_ptr<shape> make_shape()
{
	return std::make_unique<shapes::square>();
}

second_base *get_second(shape *of)
{
	return dynamic_cast<second_base *>(of);
}

int fail()
{
	throw failure(BUILD);
}
