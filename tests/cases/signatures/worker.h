/* What calls can pass and return. */
#ifndef SIGNATURES_WORKER_H
#define SIGNATURES_WORKER_H

#include <setjmp.h>

struct pair {
	double first;
	long second;
};

struct big {
	long numbers[8];
};

struct pair get_pair(double first, long second);
struct big get_big(long first, struct big given);
long many(long a, long b, long c, long d, long e, long f, long g, long h,
	  struct big by_value, int i);
double many_doubles(double a, double b, double c, double d, double e, double f,
		    double g, double h, double i, float j);
double variadic(int n, ...);
long double extended(long double a, long double b);
__int128 wide(__int128 a, __int128 b);
double _Complex complex_number(double _Complex a, float _Complex b);
void jump(jmp_buf where, int value);
typedef double vector __attribute__((vector_size(16)));
vector vectors(vector a, vector b);

#endif
