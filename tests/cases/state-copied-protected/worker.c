/*
 * A host with a copy of a protected variable is not loaded; later builds may have one.
 * Build 1 names "counter" in data alone, and "other" in its text.
 */
#if BUILD > 1
#pragma GCC visibility push(protected)
#endif
int counter = 10 * BUILD;
int other = 1000 * BUILD;
#if BUILD > 1
#pragma GCC visibility pop
#endif
static int *volatile view = &counter;
#if BUILD > 1
static int *volatile other_view = &other;
#endif

int step(void)
{
#if BUILD == 1
	other++;
#else
	++*other_view;
#endif
	return ++*(BUILD == 3 ? &counter : view);
}
