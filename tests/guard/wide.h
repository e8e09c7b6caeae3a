/*
 * Functions with results of all kinds. F(NAME, TYPE, IS): IS(value, other) tells
 * whether they are the same.
 */
#ifndef HI_TESTS_GUARD_WIDE_H
#define HI_TESTS_GUARD_WIDE_H

struct longs {
	long a, b;
};

struct mixed {
	double a;
	long b;
};

struct doubles {
	double a, b;
};

struct extended {
	long double a;
};

struct three {
	long a, b, c;
};

struct bytes {
	char a, rest[332];
};

#ifdef __AVX__
/* Half of it is in a part of the register that older processors have not. */
typedef long vector __attribute__((vector_size(32)));
#define FILL_VECTORS                             \
	"vcmpps $15, %%ymm0, %%ymm0, %%ymm0\n\t" \
	"vcmpps $15, %%ymm1, %%ymm1, %%ymm1\n\t"
#define WITH_VECTOR(F) F(vector, vector, IS_STRUCT)
#else
#define FILL_VECTORS                 \
	"pcmpeqd %%xmm0, %%xmm0\n\t" \
	"pcmpeqd %%xmm1, %%xmm1\n\t"
#define WITH_VECTOR(F)
#endif

/* clang-format off */
#define WIDE_RESULTS(F)                                                        \
	F(long, long, IS_NUMBER)                                               \
	F(wide, __int128, IS_NUMBER)                                           \
	F(double, double, IS_NUMBER)                                           \
	F(complex, _Complex double, IS_NUMBER)                                 \
	F(x87, long double, IS_NUMBER)                                         \
	F(x87_pair, _Complex long double, IS_NUMBER)                           \
	F(longs, struct longs, IS_STRUCT)                                      \
	F(mixed, struct mixed, IS_STRUCT)                                      \
	F(doubles, struct doubles, IS_STRUCT)                                  \
	F(extended, struct extended, IS_MEMBER)                                \
	F(three, struct three, IS_STRUCT)                                      \
	F(bytes, struct bytes, IS_STRUCT)                                      \
	WITH_VECTOR(F)
/* clang-format on */

#define WIDE_DECLARE(name, type, is) type wide_##name(void);
WIDE_RESULTS(WIDE_DECLARE)
#undef WIDE_DECLARE

#endif
