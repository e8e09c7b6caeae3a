#ifndef CONSTRUCTOR_SIGNALS_WORKER_H
#define CONSTRUCTOR_SIGNALS_WORKER_H

int worker_value(void);
/* Ends the host with status 7. */
void worker_end(void);

#endif
