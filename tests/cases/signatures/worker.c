#include "worker.h"

#include <stdarg.h>

struct pair get_pair(double first, long second)
{
	return (struct pair){ first * BUILD, second * BUILD };
}

struct big get_big(long first, struct big given)
{
	for (int i = 0; i < 8; i++)
		given.numbers[i] = (given.numbers[i] + first) * BUILD;
	return given;
}

long many(long a, long b, long c, long d, long e, long f, long g, long h,
	  struct big by_value, int i)
{
	return (a + b + c + d + e + f + g + h + by_value.numbers[7] + i) *
	       BUILD;
}

double many_doubles(double a, double b, double c, double d, double e, double f,
		    double g, double h, double i, float j)
{
	return (a + b + c + d + e + f + g + h + i + (double)j) * BUILD;
}

double variadic(int n, ...)
{
	double sum = 0;
	va_list args;

	va_start(args, n);
	for (int i = 0; i < n; i++)
		sum += va_arg(args, double) + va_arg(args, int);
	va_end(args);
	return sum * BUILD;
}

long double extended(long double a, long double b)
{
	return (a + b) * BUILD;
}

__int128 wide(__int128 a, __int128 b)
{
	return (a + b) * BUILD;
}

double _Complex complex_number(double _Complex a, float _Complex b)
{
	return (a + b) * BUILD;
}

void jump(jmp_buf where, int value)
{
	longjmp(where, value * BUILD);
}

vector vectors(vector a, vector b)
{
	return (a + b) * BUILD;
}
