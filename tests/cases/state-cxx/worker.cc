#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "worker.h"

static int constructions;

struct counted {
	int value;
	explicit counted(int value) : value(value)
	{
		constructions++;
	}
};

inline int inline_variable = 10;
inline thread_local int inline_thread_local = 15;

template <typename T> struct holder {
	static T value;
	static std::vector<T> many;
};
template <typename T> T holder<T>::value = 20;
template <typename T> std::vector<T> holder<T>::many = { 1, 2, 3 };

namespace
{
std::map<std::string, int> hidden = { { "a", 1 } };
std::string text = "t";
} // namespace

static counted &local()
{
	static counted object(30);

	return object;
}

template <typename T> static int next()
{
	static T count = 40;

	return ++count;
}

inline int inline_function()
{
	static int count = 50;

	return ++count;
}

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	inline_variable++;
	inline_thread_local++;
	holder<int>::value++;
	holder<int>::many.push_back(4);
	hidden[std::to_string(hidden.size())]++;
	text += "x";
	local().value++;
	snprintf(answer, len,
		 "%s=%d inline=%d tls=%d template=%d many=%zu map=%zu text=%s"
		 " local=%d next=%d inline_local=%d",
		 question, BUILD, inline_variable, inline_thread_local,
		 holder<int>::value, holder<int>::many.size(), hidden.size(),
		 text.c_str(), local().value, next<int>(), inline_function());
}
