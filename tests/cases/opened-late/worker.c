static int calls;

int exported_callee(void)
{
	return BUILD;
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
