#include <dlfcn.h>
#include <stdio.h>

int value(void);
int gone(void);
extern int gone_variable;

int main(void)
{
	void *handle = dlopen("libworker.so", RTLD_NOW | RTLD_NOLOAD);
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		int (*found)(void) = (int (*)(void))dlsym(handle, "looked_up");

		printf("value=%d gone=%d found=%d variable=%d\n", value(),
		       gone() - 10, found() - 20, gone_variable);
		fflush(stdout);
	}
	return 0;
}
