int spin(volatile int *go);

/* A leaf: what it returns to is the host's. */
int spin(volatile int *go)
{
	while (!*go)
		;
	return BUILD;
}
