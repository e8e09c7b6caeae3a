int value_1(void)
{
	return BUILD;
}

int value_2(void)
{
	return BUILD + 100;
}

__asm__(".symver value_1, value@OLD");
__asm__(".symver value_2, value@@NEW");
