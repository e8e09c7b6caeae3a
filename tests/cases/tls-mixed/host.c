/* Threads that take turns. */
#include "tls/host.c"
