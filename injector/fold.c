#include "injector/fold.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "injector/clock.h"

#define PREFIX     "hotinject: "
#define TOPICS_MAX 16
#define SHOWN_MAX  4 /* processes that a line names */
/* A line is told this long after the last message that it counts. */
#define QUIET_NS (150 * HI_NS_PER_MS)
/* How long a process that comes late is compared with the others. */
#define ROUND_NS (10 * HI_NS_PER_S)

/* What was said, and by whom else since it was told last. */
struct topic {
	char *key;
	char *lead; /* of the line that counts */
	pid_t shown[SHOWN_MAX];
	size_t n;
};

struct hi_fold {
	hi_fold_sink *sink;
	void *context;
	struct topic topics[TOPICS_MAX]; /* a ring */
	size_t next;
	uint64_t due_ns;
	/* those who have spoken since one of them began */
	pid_t *spoken;
	size_t n_spoken, max_spoken;
	uint64_t round_ns;
};

struct hi_fold *hi_fold_new(hi_fold_sink *sink, void *context)
{
	struct hi_fold *fold = calloc(1, sizeof(*fold));

	if (fold) {
		fold->sink = sink;
		fold->context = context;
	}
	return fold;
}

static void clear(struct topic *topic)
{
	free(topic->key);
	free(topic->lead);
	memset(topic, 0, sizeof(*topic));
}

void hi_fold_free(struct hi_fold *fold)
{
	if (!fold)
		return;
	for (size_t i = 0; i < TOPICS_MAX; i++)
		clear(&fold->topics[i]);
	free(fold->spoken);
	free(fold);
}

uint64_t hi_fold_get_due_ns(const struct hi_fold *fold)
{
	return fold->due_ns;
}

/* "hotinject: libworker.so #2 live in 7 more processes (4243, 4244, ...)" */
static void tell(struct hi_fold *fold, struct topic *topic)
{
	struct hi_buf buf = HI_BUF_INIT;

	if (topic->n == 0)
		return;
	hi_buf_printf(&buf, PREFIX "%s %zu more process%s (", topic->lead,
		      topic->n, topic->n == 1 ? "" : "es");
	for (size_t i = 0; i < topic->n && i < SHOWN_MAX; i++)
		hi_buf_printf(&buf, "%s%d", i ? ", " : "", topic->shown[i]);
	hi_buf_text(&buf, topic->n > SHOWN_MAX ? ", ...)" : ")");
	topic->n = 0;
	fold->sink(fold->context, hi_buf_str(&buf), true);
	hi_buf_done(&buf);
}

void hi_fold_flush(struct hi_fold *fold)
{
	for (size_t i = 0; i < TOPICS_MAX; i++)
		tell(fold, &fold->topics[(fold->next + i) % TOPICS_MAX]);
	fold->due_ns = 0;
}

/* The text of a message without who says it: "hotinject: game (4243): " */
static const char *skip_name(const struct hi_said *said)
{
	struct hi_buf buf = HI_BUF_INIT;
	const char *text = said->text;
	size_t len;

	hi_buf_printf(&buf, PREFIX "%s (%d)", said->host, said->pid);
	len = strlen(hi_buf_str(&buf));
	if (strncmp(text, hi_buf_str(&buf), len) == 0) {
		text += len;
		text += strspn(text, ": ");
	} else if (strncmp(text, PREFIX, strlen(PREFIX)) == 0) {
		text += strlen(PREFIX);
	}
	hi_buf_done(&buf);
	return text;
}

static const char *get_key(const struct hi_said *said)
{
	return *said->key ? said->key : skip_name(said);
}

static struct topic *find(struct hi_fold *fold, const char *key)
{
	for (size_t i = 0; i < TOPICS_MAX; i++)
		if (fold->topics[i].key &&
		    strcmp(fold->topics[i].key, key) == 0)
			return &fold->topics[i];
	return NULL;
}

static void add_topic(struct hi_fold *fold, const struct hi_said *said)
{
	struct topic *topic = &fold->topics[fold->next];
	const char *line = skip_name(said);
	struct hi_buf lead = HI_BUF_INIT;

	tell(fold, topic);
	clear(topic);
	if (*said->brief)
		hi_buf_printf(&lead, "%s in", said->brief);
	else
		hi_buf_printf(&lead, "%.*s:", (int)strcspn(line, "\r\n"), line);
	topic->key = strdup(get_key(said));
	topic->lead = hi_buf_take(&lead);
	if (!topic->key || !topic->lead)
		clear(topic);
	else
		fold->next = (fold->next + 1) % TOPICS_MAX;
}

/* --- who has spoken ------------------------------------------------------------- */

static bool has_spoken(const struct hi_fold *fold, pid_t pid)
{
	for (size_t i = 0; i < fold->n_spoken; i++)
		if (fold->spoken[i] == pid)
			return true;
	return false;
}

static void note_speaker(struct hi_fold *fold, pid_t pid)
{
	size_t max = fold->max_spoken ? 2 * fold->max_spoken : 16;
	pid_t *more;

	if (has_spoken(fold, pid))
		return;
	if (fold->n_spoken == fold->max_spoken) {
		more = realloc(fold->spoken, max * sizeof(*more));
		if (!more)
			return;
		fold->spoken = more;
		fold->max_spoken = max;
	}
	fold->spoken[fold->n_spoken++] = pid;
}

/* --- messages ------------------------------------------------------------------- */

/* Each line gets the name, unless the message has it already. */
static void pass_named(struct hi_fold *fold, const struct hi_said *said)
{
	struct hi_buf buf = HI_BUF_INIT;
	const char *line = said->text;

	if (skip_name(said) != said->text + strlen(PREFIX)) {
		fold->sink(fold->context, said->text, false);
		return;
	}
	while (*line) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		if (strncmp(line, PREFIX, strlen(PREFIX)) == 0) {
			hi_buf_printf(&buf, PREFIX "%s (%d): ", said->host,
				      said->pid);
			hi_buf_add(&buf, line + strlen(PREFIX),
				   len - strlen(PREFIX));
		} else {
			hi_buf_add(&buf, line, len);
		}
		line += len;
	}
	fold->sink(fold->context, hi_buf_str(&buf), false);
	hi_buf_done(&buf);
}

/* Notes have the name that they need. */
static void pass(struct hi_fold *fold, const struct hi_said *said,
		 uint64_t now_ns)
{
	bool fresh = fold->n_spoken == 0 || has_spoken(fold, said->pid) ||
		     now_ns - fold->round_ns > ROUND_NS;

	if (*said->brief && fresh)
		hi_fold_flush(fold);
	if (!*said->brief || fresh)
		fold->sink(fold->context, said->text, false);
	else
		pass_named(fold, said);
	if (*said->brief && fresh) {
		fold->n_spoken = 0;
		fold->round_ns = now_ns;
	}
}

void hi_fold_take(struct hi_fold *fold, const struct hi_said *said,
		  uint64_t now_ns)
{
	struct topic *topic = find(fold, get_key(said));

	if (topic) {
		if (topic->n < SHOWN_MAX)
			topic->shown[topic->n] = said->pid;
		topic->n++;
		fold->due_ns = now_ns + QUIET_NS;
	} else {
		pass(fold, said, now_ns);
		add_topic(fold, said);
	}
	if (*said->brief)
		note_speaker(fold, said->pid);
}
