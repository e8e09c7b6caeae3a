/* Opens its worker when it is told to, as plug-in hosts do. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void *handle;
static int (*value)(void);
static int (*count)(void);
static int (*kept)(void);
static void (*keep)(void);

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
	kept = (int (*)(void))dlsym(handle, "kept");
	keep = (void (*)(void))dlsym(handle, "keep");
	if (!value || !count || !kept || !keep)
		return 0;
	keep();
	return 1;
}

/* Whether the worker is open for everybody. */
static int is_found(void)
{
	return dlsym(RTLD_DEFAULT, "exported_callee") != NULL;
}

int main(void)
{
	char question[100];
	int got;

	while (fgets(question, sizeof(question), stdin)) {
		if (!strncmp(question, "open", 4))
			printf("opened=%d found=%d\n", open_worker(question),
			       is_found());
		else if (!strncmp(question, "close", 5))
			printf("closed=%d\n", dlclose(handle) == 0);
		else {
			got = value();
			printf("value=%d count=%d kept=%d found=%d\n", got,
			       count(), kept(), is_found());
			keep();
		}
		fflush(stdout);
	}
	return 0;
}
