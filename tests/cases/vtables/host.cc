/*
 * Keeps objects whose classes the worker defines: their virtual functions,
 * casts and exceptions are the newest build's.
 */
#include "worker.h"

#include <iostream>
#include <typeinfo>
#include <vector>

static int caught()
{
	try {
		return fail();
	} catch (const failure &f) {
		return std::string(f.what()) == "failure" ? f.build : -1;
	}
}

int main()
{
	std::vector<std::unique_ptr<shape>> shapes;
	std::string question;

	while (std::getline(std::cin, question)) {
		shapes.push_back(make_shape());
		const shape &first = *shapes.front(), &last = *shapes.back();
		second_base *second = get_second(shapes.front().get());
		second_base *cast =
			dynamic_cast<second_base *>(shapes.back().get());

		std::cout << "first=" << first.value()
			  << " last=" << last.value()
			  << " second=" << (second ? second->other() : -1)
			  << " cast=" << (cast ? cast->other() : -1)
			  << " name=" << first.name()
			  << " caught=" << caught() << " same_type="
			  << (typeid(first) == typeid(last)) << std::endl;
	}
}
