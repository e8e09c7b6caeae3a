int hooked(void)
{
	return BUILD;
}
