/*
 * letter - what members of a group send to its head: what they have said, and which
 * members they have made.
 *
 * Ownership: strings of a letter lie in the bytes that it was received into.
 * Errors:    one that a head does not take in time, because it is stopped, is lost.
 * Threads:   one in each process.
 * Source:    unix(7): SOCK_SEQPACKET.
 */
#ifndef HI_INJECTOR_LETTER_H
#define HI_INJECTOR_LETTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "injector/fold.h"

#define HI_LETTER_MAX (96UL << 10) /* bytes; of a longer one nothing is sent */

struct hi_letter {
	pid_t member; /* that was made; or 0: something was said */
	struct hi_said said;
};

/* To the socket OUTBOX. */
void hi_letter_send_said(int outbox, const struct hi_said *said);
void hi_letter_send_member(int outbox, pid_t member);

/* The next one from the socket INBOX; false when there is none. BYTES has room for
   HI_LETTER_MAX. */
bool hi_letter_receive(int inbox, char *bytes, struct hi_letter *ret_letter);

#endif
