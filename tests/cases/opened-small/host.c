#include "../opened-late/host.c"
