static int calls;

/* In a library that is opened late it has no fixed distance from the thread pointer. */
#if BUILD == 5
__attribute__((tls_model("initial-exec")))
#endif
__thread int per_thread;

int exported_callee(void)
{
	return BUILD;
}

static int (*volatile pointer)(void);

/* Take a pointer from the tables of this build. */
void keep(void)
{
	pointer = exported_callee;
}

int kept(void)
{
	return pointer();
}

int value(void)
{
	calls++;
	per_thread++;
	return exported_callee();
}

int count(void)
{
	return calls;
}
