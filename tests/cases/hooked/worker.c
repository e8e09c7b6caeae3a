int hooked(void)
{
	return BUILD;
}

int inner(void)
{
	int value = hooked();

	__asm__ volatile("" : "+r"(value));
	return value;
}
