static int calls;

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
	return exported_callee();
}

int count(void)
{
	return calls;
}
