int counter = 10 * BUILD;
char text[32] = "abc";
const int constant = BUILD;
static int *view = &counter;

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
