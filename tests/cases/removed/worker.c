int value(void)
{
	return BUILD;
}

#if BUILD != 2
int gone(void)
{
	return 10 + BUILD;
}
#endif

#if BUILD != 3
int looked_up(void)
{
	return 20 + BUILD;
}
#endif

#if BUILD != 4
int gone_variable = 30;
#endif
