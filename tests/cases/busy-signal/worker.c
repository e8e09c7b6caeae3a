#include <unistd.h>

int spin(volatile int *go);

/* A leaf: what it returns to is the host's. With NAPS the signal comes while it is in
   the C library. */
int spin(volatile int *go)
{
	while (!*go)
#ifdef NAPS
		usleep(1000)
#endif
			;
	return BUILD;
}
