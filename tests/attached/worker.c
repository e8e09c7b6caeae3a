int step(void);

static int calls;

int step(void)
{
	calls++;
	return BUILD;
}
