/* A unit that changes in build 3 and then no more. */
#if BUILD < 3
int other(void)
{
	return 1;
}
#else
struct pair {
	int one, two;
};
int other(void)
{
	return sizeof(struct pair);
}
#endif
