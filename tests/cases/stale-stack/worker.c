/* Leaves return addresses of its own all over the stack. */
__attribute__((noinline)) int deep(int depth)
{
	int volatile one = 1;

	return depth ? deep(depth - 1) + one : BUILD;
}
