void host_note(char what);
int missing(void);
int state[BUILD == 5 ? 2 : 1];

/* DT_INIT and DT_FINI, by the linker's -init and -fini */
void begin(void)
{
	host_note('i');
}

void finish(void)
{
	host_note('f');
}

__attribute__((constructor(101))) static void first(void)
{
	host_note('a');
}

__attribute__((constructor(102))) static void second(void)
{
	host_note('b');
}

__attribute__((destructor)) static void end(void)
{
	host_note('d');
}

int value(void)
{
#if BUILD == 2
	return missing();
#else
	return BUILD;
#endif
}
