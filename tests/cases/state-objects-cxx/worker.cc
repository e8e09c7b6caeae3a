// Objects of C++ that outlive the code which made them. In build 2 what a vector holds
// grows, in build 3 a virtual function is new, in build 4 a base class; build 5 has new
// functions and another class alone, which no object is of yet.
#include <cstdio>
#include <memory>
#include <vector>

extern "C" {
#include "worker.h"
}

namespace game
{

struct item {
	int weight;
#if BUILD == 2
	int price;
#endif
};

struct named {
	int name;
};

struct shape
#if BUILD == 4
	: named
#endif
{
	int width, height;
	explicit shape(int side)
		: width(side)
		, height(side)
	{
	}
	virtual ~shape() = default;
	virtual int area() const { return width * height + BUILD; }
#if BUILD == 3
	virtual int around() const { return 2 * (width + height); }
#endif
#if BUILD == 5
	int half() const { return width / 2; }
#endif
};

#if BUILD == 5
struct passing {
	std::vector<long> sums;
	long sum() const { return sums.empty() ? 0 : sums.back(); }
};
#endif

static std::vector<item> items;
static std::unique_ptr<shape> kept;

static int play()
{
	int weight = 0;

	if (!kept)
		kept = std::make_unique<shape>(3);
	items.push_back({ BUILD });
	for (const item &one : items)
		weight += one.weight;
#if BUILD == 5
	passing passing;
	passing.sums.push_back(kept->half());
	return weight + (int)passing.sum();
#else
	return weight;
#endif
}

} // namespace game

extern "C" void worker_answer(const char *question, char *answer, size_t len)
{
	int weight = game::play();

	snprintf(answer, len, "%s=%d weight=%d area=%d", question, BUILD, weight,
		 game::kept->area());
}
