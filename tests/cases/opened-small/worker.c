/* Three bytes in the first build. */
int exported_callee(void)
{
	return BUILD - 1;
}

int value(void)
{
	return exported_callee();
}

int count(void)
{
	return 0;
}

static int (*volatile pointer)(void);

void keep(void)
{
	pointer = exported_callee;
}

int kept(void)
{
	return pointer();
}
