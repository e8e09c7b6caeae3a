/*
 * As lib.c, for C++. Nothing is inline: whether such functions are exported is up to
 * the optimizer.
 */
#include <string>
namespace game {
enum class kind : unsigned char { one, two };
struct base {
	base();
	virtual ~base();
	virtual int run(int);
	int state;
};
struct side {
	side();
	virtual int more() const;
	long stay;
};
template <class T, unsigned N> struct box {
	T value[N];
	T *next;
	struct in { T deep; } inner;
};
extern int place;
int twice(int);
template <kind K, char C, int *P, int (*F)(int), class T> struct tag {
	struct in { T *deep; } inner;
};
typedef tag<kind::one, 'a', &place, twice, void> first_tag;
class world : public base, virtual public side {
	box<short, 3> boxes[3];
	kind k;
	std::string name;
	static int n_worlds;
	struct deep;
	deep *d;
public:
	explicit world(const std::string *name);
	~world();
	int run(int) override;
	int operator+(const world &) const;
	friend int look(const world &);
	union { int number; float real; };
};
struct world::deep { int a; kind k; };
int world::n_worlds;
#ifndef OTHER
thread_local int turns;
#else
int turns;
#endif
base::base() : state(0) {}
int base::run(int a) { return a; }
base::~base() { turns++; }
side::side() : stay(0) {}
int side::more() const { return 1; }
world::world(const std::string *name) : d(nullptr) { n_worlds++; }
world::~world() { n_worlds--; }
int world::run(int a) { return a + state; }
int world::operator+(const world &o) const { return state + o.state + d->a; }
int look(const world &w) { return w.state; }
namespace {
struct secret { int a; } s;
}
int place;
int twice(int a) { return 2 * a; }
int tagged(tag<kind::two, '\n', nullptr, &twice, first_tag> a, first_tag b,
	   first_tag::in c)
{
	return a.inner.deep == &b && c.deep;
}
int call(int world::*m, int (world::*f)(int), world &w, box<box<unsigned long, 2>, 1> b)
{
	return w.*m + (w.*f)(s.a) + b.value[0].value[0];
}
kind next(kind k) { return k == kind::one ? kind::two : kind::one; }
}
extern "C" int plain(game::world *w, const char *text, bool yes) noexcept
{
	return yes ? *text : look(*w);
}
