int value_1(void)
{
#ifdef SMALL
	return BUILD - 1; /* three bytes in the first build */
#else
	return BUILD;
#endif
}

int value_2(void)
{
	return BUILD + 100;
}

__asm__(".symver value_1, value@OLD");
__asm__(".symver value_2, value@@NEW");
