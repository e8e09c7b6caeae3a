/* At -Os the call ends within the first five bytes: push, call, add. */
int through(int (*callback)(void))
{
	return callback() + BUILD;
}
