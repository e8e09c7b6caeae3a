/* Each call gives the number of the build, if all that it passes arrives. */
#include "worker.h"

#include <complex.h>
#include <stdio.h>

static void pass_structures(void)
{
	struct big big = { { 1, 2, 3, 4, 5, 6, 7, 8 } }, got;
	struct pair pair = get_pair(0.5, 7);
	long sum = 0;

	got = get_big(2, big);
	for (int i = 0; i < 8; i++)
		sum += got.numbers[i];
	printf("pair=%g", pair.first + (double)pair.second - 6.5 * sum / 52);
	printf(" big=%g", (double)sum / 52);
	printf(" many=%g", (double)many(1, 2, 3, 4, 5, 6, 7, 8, big, 9) / 53);
}

static void pass_numbers(void)
{
	printf(" doubles=%g",
	       many_doubles(1, 2, 3, 4, 5, 6, 7, 8, 9, 10.f) / 55);
	printf(" variadic=%g",
	       variadic(5, 1., 2, 3., 4, 5., 6, 7., 8, 9., 10) / 55);
	printf(" extended=%g",
	       (double)(extended(0x1p-60L, 1) / (1 + 0x1p-60L)));
	printf(" wide=%d",
	       (int)(wide((__int128)1 << 90, 0) / ((__int128)1 << 90)));
	printf(" complex=%g", cimag(complex_number(1 + I, 2 + I)) / 2);
	printf(" vectors=%g",
	       vectors((vector){ 1, 2 }, (vector){ 1, 3 })[1] / 5);
}

static void come_back_by_jump(void)
{
	jmp_buf where;
	int value = setjmp(where);

	if (!value)
		jump(where, 1);
	printf(" jump=%d\n", value);
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		pass_structures();
		pass_numbers();
		come_back_by_jump();
		fflush(stdout);
	}
	return 0;
}
