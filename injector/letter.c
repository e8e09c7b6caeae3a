#include "injector/letter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"

#define SEND_WAIT_MS 1000
#define N_TEXTS      4

/* Behind it are the host, the key, the brief and the text, each with its NUL. */
struct head {
	pid_t member;
	pid_t pid;
};

static void send_bytes(int outbox, const void *bytes, size_t len)
{
	struct pollfd room = { .fd = outbox, .events = POLLOUT };

	while (send(outbox, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	       (errno == EINTR ||
		(errno == EAGAIN && poll(&room, 1, SEND_WAIT_MS) > 0)))
		;
}

void hi_letter_send_said(int outbox, const struct hi_said *said)
{
	const char *texts[N_TEXTS] = { said->host, said->key, said->brief,
				       said->text };
	struct head head = { .pid = said->pid };
	struct hi_buf buf = HI_BUF_INIT;

	hi_buf_add(&buf, &head, sizeof(head));
	for (int i = 0; i < N_TEXTS; i++)
		hi_buf_add(&buf, texts[i], strlen(texts[i]) + 1);
	if (!buf.failed && buf.len <= HI_LETTER_MAX)
		send_bytes(outbox, buf.data, buf.len);
	hi_buf_done(&buf);
}

void hi_letter_send_member(int outbox, pid_t member)
{
	struct head head = { .member = member };

	send_bytes(outbox, &head, sizeof(head));
}

/* False for what no member has written. */
static bool open_letter(const char *bytes, size_t len,
			struct hi_letter *ret_letter)
{
	const char *at = bytes + sizeof(struct head), *end = bytes + len;
	const char *texts[N_TEXTS] = { "", "", "", "" };
	struct head head;

	if (len < sizeof(head))
		return false;
	memcpy(&head, bytes, sizeof(head));
	for (int i = 0; i < N_TEXTS && !head.member; i++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));

		if (!nul)
			return false;
		texts[i] = at;
		at = nul + 1;
	}
	*ret_letter = (struct hi_letter){
		.member = head.member,
		.said = { head.pid, texts[0], texts[1], texts[2], texts[3] },
	};
	return true;
}

bool hi_letter_receive(int inbox, char *bytes, struct hi_letter *ret_letter)
{
	ssize_t len;

	do
		len = recv(inbox, bytes, HI_LETTER_MAX, MSG_DONTWAIT);
	while ((len < 0 && errno == EINTR) ||
	       (len > 0 && !open_letter(bytes, (size_t)len, ret_letter)));
	return len > 0;
}
