#include "injector/event.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fixture.h"

enum {
	N_WRITERS = 3,
	N_EVENTS = 30,
	TEXT_LEN = 20000, /* of PIPE_BUF, five times */
};

_Noreturn static void write_events(int fd, char letter)
{
	struct hi_events *events;
	char path[40], text[TEXT_LEN + 1];
	int code;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(text, letter, TEXT_LEN);
	text[TEXT_LEN] = '\0';
	code = hi_events_open(path, &events, NULL);
	for (int i = 0; i < N_EVENTS && code == 0; i++) {
		json_t *event = hi_event_new("test");

		json_object_set_new(event, "text", hi_event_text(text));
		code = hi_events_send(events, event, NULL);
	}
	_exit(code != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* A whole object whose text is of one letter. */
static void expect_whole(const char *line)
{
	json_t *event = json_loads(line, 0, NULL);
	const char *text = json_string_value(json_object_get(event, "text"));
	char first[2] = "";

	ck_assert_msg(text && strlen(text) == TEXT_LEN, "%.200s", line);
	first[0] = text[0];
	ck_assert_uint_eq(strspn(text, first), TEXT_LEN);
	json_decref(event);
}

/* The pipe is full most of the time. */
START_TEST(lines_of_several_processes_stay_whole_in_a_pipe)
{
	char *line = NULL;
	size_t size = 0;
	int fds[2], n = 0, status;
	FILE *file;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	for (int i = 0; i < N_WRITERS; i++)
		if (fork() == 0)
			write_events(fds[1], (char)('a' + i));
	close(fds[1]);
	file = fdopen(fds[0], "r");
	for (; getline(&line, &size, file) > 0; n++)
		expect_whole(line);
	ck_assert_int_eq(n, (long)N_WRITERS * N_EVENTS);
	for (int i = 0; i < N_WRITERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	free(line);
	(void)!fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event");
	TCase *tcase = tcase_create("event");

	tcase_add_test(tcase, lines_of_several_processes_stay_whole_in_a_pipe);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
