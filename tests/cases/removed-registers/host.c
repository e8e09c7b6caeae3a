/* "call" answers with what the worker's function and the callback, which the host
   has had from the start, give. */
#include <stdio.h>

typedef long (*pointer)(long a, long b);

pointer get_callback(void);
long exported(void);

int main(void)
{
	char question[100];
	pointer callback = get_callback();

	while (fgets(question, sizeof(question), stdin)) {
		printf("exported=%ld callback=%ld\n", exported(),
		       callback(3, 4));
		fflush(stdout);
	}
	return 0;
}
