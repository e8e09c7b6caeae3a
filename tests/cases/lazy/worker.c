#include "worker.h"

int lazy(void)
{
	return BUILD - 1;
}

int in_front(void)
{
	return BUILD - 1;
}

int behind(void)
{
	return BUILD - 1;
}

int versioned(void)
{
	return BUILD - 1;
}
