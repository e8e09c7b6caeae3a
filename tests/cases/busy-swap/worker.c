#include <unistd.h>

int value(void)
{
	return BUILD;
}

/* Stays until the host writes to FD. */
int block(int fd)
{
	char byte;
	int before = value();

	if (read(fd, &byte, 1) != 1)
		return -1;
	return before * 100 + BUILD * 10 + value();
}
