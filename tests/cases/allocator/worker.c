int value(void)
{
	return BUILD;
}
