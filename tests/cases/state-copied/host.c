/* Reads and writes variables of the worker itself. */
#include <dlfcn.h>
#include <stdio.h>

extern int counter;
extern char text[32];
int step(void);
int get_counter(void);

int main(void)
{
	char question[100];
	int build;

	while (fgets(question, sizeof(question), stdin)) {
		counter += 100;
		build = step();
		printf("build=%d counter=%d worker=%d text=%s found=%d\n",
		       build, counter, get_counter(), text,
		       *(int *)dlsym(RTLD_DEFAULT, "counter"));
		fflush(stdout);
	}
	return 0;
}
