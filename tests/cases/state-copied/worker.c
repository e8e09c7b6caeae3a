int counter = 10 * BUILD;
char text[32] = "abc";
const int constant = BUILD;
static int *view = &counter;

/* Of a later build, it is to leave what lives alone. */
__attribute__((constructor)) static void begin(void)
{
	counter = 10 * BUILD;
}

int step(void)
{
	(*view)++;
	text[0]++;
	return BUILD;
}

int get_counter(void)
{
	return counter;
}
