/* Opens its worker when it is told to, as plug-in hosts do. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void *handle;
static int (*value)(void);
static int (*count)(void);

static int open_worker(const char *how)
{
	int flags = RTLD_NOW;

	if (strstr(how, "lazy"))
		flags = RTLD_LAZY;
	if (strstr(how, "global"))
		flags |= RTLD_GLOBAL;
	if (strstr(how, "deepbind"))
		flags |= RTLD_DEEPBIND;
	handle = dlopen("./libworker.so", flags);
	if (!handle)
		return 0;
	value = (int (*)(void))dlsym(handle, "value");
	count = (int (*)(void))dlsym(handle, "count");
	return value && count;
}

int main(void)
{
	char question[100];
	int got;

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "open", 4))
			printf("opened=%d\n", open_worker(question));
		else if (!strncmp(question, "close", 5))
			printf("closed=%d\n", dlclose(handle) == 0);
		else {
			got = value();
			printf("value=%d count=%d\n", got, count());
		}
		fflush(stdout);
	}
	return 0;
}
