/* Uses both versions of one name, linked and looked up. */
#include <dlfcn.h>
#include <stdio.h>

int value(void);
int old_value(void);
__asm__(".symver old_value, value@OLD");

typedef int (*function)(void);

static function volatile old_pointer = old_value, new_pointer = value;

int main(void)
{
	void *handle = dlopen("libworker.so", RTLD_NOW | RTLD_NOLOAD);
	function kept_old = (function)dlvsym(handle, "value", "OLD");
	function kept_new = (function)dlvsym(handle, "value", "NEW");
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		printf("old=%d old_pointer=%d", old_value(), old_pointer());
		printf(" old_kept=%d", kept_old());
		printf(" old_fresh=%d",
		       ((function)dlvsym(handle, "value", "OLD"))());
		printf(" new=%d new_pointer=%d", value() - 100,
		       new_pointer() - 100);
		printf(" new_kept=%d", kept_new() - 100);
		printf(" new_fresh=%d",
		       ((function)dlvsym(handle, "value", "NEW"))() - 100);
		printf(" default=%d\n",
		       ((function)dlsym(handle, "value"))() - 100);
		fflush(stdout);
	}
	return 0;
}
