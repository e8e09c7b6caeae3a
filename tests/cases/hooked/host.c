/* Puts a hook of its own into a function of the worker: it returns -1. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int hooked(void);
int inner(void);

static int (*volatile pointer)(void) = hooked;

static int hook(void)
{
	static const unsigned char code[] = {
		0xb8, 0xff, 0xff, 0xff, 0xff, 0xc3
	};
	void *entry = (void *)pointer;
	void *page = (void *)((uintptr_t)entry & ~(uintptr_t)4095);

	if (mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		return 0;
	memcpy(entry, code, sizeof(code));
	return 1;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (strncmp(question, "hook", 4) == 0)
			printf("hook=%d\n", hook());
		else
			printf("call=%d inner=%d pointer=%d\n", hooked(),
			       inner(), pointer());
		fflush(stdout);
	}
	return 0;
}
