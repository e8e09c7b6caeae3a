#include "injector/control.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/control_folder.h"
#include "injector/message.h"
#include "tests/unit/fixture.h"

/* --- messages ----------------------------------------------------------------- */

static const struct hi_command *read_request(const char *text)
{
	struct hi_request request = { .command = NULL };

	return hi_request_read(text, strlen(text), &request, NULL) == 0 ?
		       request.command :
		       NULL;
}

static void refuse(const char *text, const char *sentence)
{
	struct hi_request request = { .command = NULL };
	struct hi_err err = { 0 };

	ck_assert_int_eq(hi_request_read(text, strlen(text), &request, &err),
			 HI_E_USAGE);
	ck_assert_str_eq(err.sentence, sentence);
	ck_assert_ptr_null(request.command);
}

START_TEST(a_request_is_read_as_it_was_written)
{
	for (size_t i = 0; hi_commands_get(i); i++) {
		const struct hi_command *command = hi_commands_get(i);
		const struct hi_request request = { command, "libw.so", 7, 4250,
						    "1f-2a" };
		size_t len = 0;
		char *HI_FREE bytes =
			hi_message_write(hi_request_new(&request), &len);
		struct hi_request again = { .command = NULL };
		bool asked = command->help && command->id != HI_COMMAND_RUN;

		ck_assert_ptr_nonnull(bytes);
		ck_assert_int_eq(hi_request_read(bytes, len, &again, NULL),
				 asked ? 0 : HI_E_USAGE);
		ck_assert(again.command == (asked ? command : NULL));
		ck_assert_str_eq(again.worker, asked ? "libw.so" : "");
		ck_assert_uint_eq(again.build, asked ? 7 : 0);
		ck_assert_int_eq(again.thread, asked ? 4250 : 0);
		ck_assert_str_eq(again.content, asked ? "1f-2a" : "");
	}
}
END_TEST

START_TEST(keys_that_a_later_version_adds_do_no_harm)
{
	ck_assert_int_eq(
		read_request("{\"new\":[1,{}],\"command\":\"status\"}")->id,
		HI_COMMAND_STATUS);
}
END_TEST

START_TEST(what_is_no_request_is_told_so)
{
	const char *no = "the request is not one JSON object of at most 65536 "
			 "bytes with a \"command\"";
	static const char *const bad[] = {
		"",
		" ",
		"x",
		"[]",
		"{}",
		"null",
		"{\"command\":7}",
		"{\"command\":\"status\"",
		"{\"command\":\"status\"} x",
		"{\"command\":\"status\",\"command\":\"detach\"}",
		"{\"command\":\"stat\xff\"}",
		"{\"command\":\"status\\u0000\"}",
	};

	static const char *const rest[] = {
		"{\"command\":\"rollback\",\"worker\":7}",
		"{\"command\":\"rollback\",\"build\":0}",
		"{\"command\":\"rollback\",\"build\":-1}",
		"{\"command\":\"rollback\",\"build\":\"2\"}",
		"{\"command\":\"rollback\",\"build\":4294967297}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bad[i], no);
	refuse("{\"command\":\"inspect\"}",
	       "this version of hotinject has no command 'inspect'");
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		refuse(rest[i],
		       "the request's \"worker\" is not a file's name, or its "
		       "\"build\" or \"thread\" not a number from 1 on");
	refuse("{\"command\":\"run\"}",
	       "this version of hotinject has no command 'run'");
	refuse("{\"command\":\"fly\"}",
	       "this version of hotinject has no command 'fly'");
}
END_TEST

START_TEST(more_than_64_KiB_is_neither_read_nor_written)
{
	size_t len = 0;
	char *HI_FREE text = malloc(HI_MESSAGE_MAX + 2);
	struct hi_request request;
	json_t *answer;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', HI_MESSAGE_MAX + 2);
	memcpy(text, "{\"command\":\"status\"}", 20);
	ck_assert_int_eq(hi_request_read(text, HI_MESSAGE_MAX, &request, NULL),
			 0);
	ck_assert_int_eq(hi_request_read(text, HI_MESSAGE_MAX + 1, &request,
					 NULL),
			 HI_E_USAGE);
	memset(text, 'a', HI_MESSAGE_MAX);
	text[HI_MESSAGE_MAX] = '\0';
	answer = hi_answer_text(text);
	ck_assert_ptr_null(hi_message_write(answer, &len));
}
END_TEST

START_TEST(an_error_comes_out_with_its_sentence_and_hint)
{
	struct hi_err in = { 0 }, out = { 0 };
	json_t *answer = NULL;
	size_t len = 0;

	hi_fail(&in, HI_E_BUSY, "game (1) is in gdb");
	hi_err_hint(&in, "end gdb \"first\"");
	char *HI_FREE bytes = hi_message_write(hi_answer_error(&in), &len);

	ck_assert_int_eq(hi_answer_read(bytes, len, &answer, &out), HI_E_HOST);
	ck_assert_str_eq(out.sentence, in.sentence);
	ck_assert_str_eq(out.hint, in.hint);
	ck_assert_ptr_null(answer);
	ck_assert_int_eq(hi_answer_read("[]", 2, &answer, &out), HI_E_USAGE);
}
END_TEST

/* --- the socket --------------------------------------------------------------- */

struct place {
	struct hi_fixture fx;
	struct hi_control *control;
	int folder_fd;
};

static void open_place(struct place *place)
{
	struct hi_err err = { 0 };

	hi_fixture_init(&place->fx);
	setenv("XDG_RUNTIME_DIR", place->fx.folder, 1);
	place->control = NULL;
	ck_assert_msg(hi_control_new(4242, &place->control, &err) == 0, "%s",
		      err.sentence);
	ck_assert_int_eq(hi_control_folder_open(false, &place->folder_fd, NULL),
			 0);
}

static void close_place(struct place *place)
{
	struct stat st;

	hi_control_free(place->control);
	ck_assert_int_ne(fstatat(place->folder_fd, "4242.socket", &st, 0), 0);
	close(place->folder_fd);
	hi_fixture_done(&place->fx);
}

static int dial(const struct place *place)
{
	struct hi_err err = { 0 };
	int fd = -1;

	ck_assert_msg(hi_control_connect(place->folder_fd, 4242, &fd, &err) ==
			      0,
		      "%s", err.sentence);
	return fd;
}

static void ask(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

static bool is_readable(int fd)
{
	struct pollfd one = { fd, POLLIN, 0 };

	return poll(&one, 1, 0) > 0;
}

START_TEST(a_client_asks_and_is_answered)
{
	struct place place;
	struct hi_control_request request;
	char text[100] = "";
	int fd;

	open_place(&place);
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	ck_assert(!hi_control_next(place.control, &request));
	fd = dial(&place);
	ask(fd, "{\"command\":\"history\"}");
	ck_assert(is_readable(hi_control_get_fd(place.control)));
	ck_assert(hi_control_next(place.control, &request));
	ck_assert_str_eq(request.is.command->name, "history");
	ck_assert(!hi_control_next(place.control, &request));
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	hi_control_answer(place.control, request.client, hi_answer_text("yes"));
	ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "{\"text\":\"yes\"}");
	ck_assert_int_eq(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
	close_place(&place);
}
END_TEST

/* The oldest silent ones go; who has asked stays. */
START_TEST(silent_clients_make_room)
{
	struct place place;
	struct hi_control_request request, other;
	int fds[3 * HI_CONTROL_CLIENTS];
	char byte;

	open_place(&place);
	fds[0] = dial(&place);
	ask(fds[0], "{\"command\":\"status\"}");
	ck_assert(hi_control_next(place.control, &request));
	for (int i = 1; i < 3 * HI_CONTROL_CLIENTS; i++) {
		fds[i] = dial(&place);
		ck_assert(!hi_control_next(place.control, &other));
	}
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	ask(fds[3 * HI_CONTROL_CLIENTS - 1], "{\"command\":\"reload\"}");
	ck_assert(hi_control_next(place.control, &other));
	ck_assert_int_ne(other.client, request.client);
	hi_control_answer(place.control, request.client, hi_answer_text("a"));
	ck_assert_int_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1);
	for (int i = 0; i < 3 * HI_CONTROL_CLIENTS; i++)
		close(fds[i]);
	ck_assert(!hi_control_next(place.control, &other));
	close_place(&place);
}
END_TEST

START_TEST(a_client_that_has_gone_is_no_harm)
{
	struct place place;
	struct hi_control_request request;
	int fd;

	open_place(&place);
	close(dial(&place));
	ck_assert(!hi_control_next(place.control, &request));
	fd = dial(&place);
	ask(fd, "{\"command\":\"status\"}");
	close(fd);
	ck_assert(hi_control_next(place.control, &request));
	hi_control_answer(place.control, request.client, hi_answer_text("a"));
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	close_place(&place);
}
END_TEST

START_TEST(a_promise_lasts_until_the_client_ends_its_side)
{
	struct place place;
	struct hi_control_request request;
	char text[100] = "";
	int fd;

	open_place(&place);
	fd = dial(&place);
	ask(fd, "{\"command\":\"gdb\"}");
	ck_assert(hi_control_next(place.control, &request));
	ck_assert(hi_control_promise(place.control, request.client,
				     hi_answer_text("1")));
	ck_assert(!hi_control_has_left(place.control, request.client));
	ask(fd, "more");
	ck_assert(!hi_control_has_left(place.control, request.client));
	shutdown(fd, SHUT_WR);
	ck_assert(is_readable(hi_control_get_fd(place.control)));
	ck_assert(hi_control_has_left(place.control, request.client));
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	hi_control_answer(place.control, request.client, hi_answer_text("2"));
	ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "{\"text\":\"1\"}");
	memset(text, 0, sizeof(text));
	ck_assert_int_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "{\"text\":\"2\"}");
	close(fd);
	close_place(&place);
}
END_TEST

START_TEST(the_socket_follows_the_host)
{
	struct place place;
	pid_t *pids = NULL;
	int fd = -1;

	open_place(&place);
	hi_control_follow(place.control, 4243);
	ck_assert_uint_eq(hi_control_list(place.folder_fd, &pids), 1);
	ck_assert_int_eq(pids[0], 4243);
	free(pids);
	ck_assert_int_eq(hi_control_connect(place.folder_fd, 4242, &fd, NULL),
			 HI_E_GONE);
	ck_assert_int_eq(hi_control_connect(place.folder_fd, 4243, &fd, NULL),
			 0);
	close(fd);
	hi_control_follow(place.control, 4242);
	close_place(&place);
}
END_TEST

/* Nobody can be in two places, but two PID namespaces may share the folder. */
START_TEST(a_name_that_is_in_use_stays_with_its_owner)
{
	struct place place;
	struct hi_control *other = NULL;
	struct hi_err err = { 0 };

	open_place(&place);
	ck_assert_int_eq(hi_control_new(4242, &other, &err), HI_E_SYS);
	ck_assert_str_eq(err.sentence, "making the control socket of process "
				       "4242: Address already in use");
	close(dial(&place));
	close_place(&place);
}
END_TEST

START_TEST(what_a_killed_session_left_is_swept)
{
	struct place place;
	struct stat st;
	pid_t *pids = NULL;
	pid_t child;

	open_place(&place);
	child = fork();
	if (child == 0) {
		struct hi_control *control = NULL;

		_exit(hi_control_new(77, &control, NULL) == 0 ? 0 : 1);
	}
	waitpid(child, NULL, 0);
	ck_assert_int_eq(fstatat(place.folder_fd, "77.socket", &st, 0), 0);
	ck_assert_uint_eq(hi_control_list(place.folder_fd, &pids), 1);
	ck_assert_int_eq(pids[0], 4242);
	free(pids);
	ck_assert_int_ne(fstatat(place.folder_fd, "77.socket", &st, 0), 0);
	close_place(&place);
}
END_TEST

/* Whose descriptors a client's are, too, until it forgets them. */
START_TEST(a_forked_process_leaves_the_socket_to_the_first)
{
	struct place place;
	struct hi_control_request request;
	int fd, pipe_fds[2];
	char byte;
	pid_t child;

	open_place(&place);
	fd = dial(&place);
	ck_assert(!hi_control_next(place.control, &request));
	ck_assert_int_eq(pipe(pipe_fds), 0);
	child = fork();
	if (child == 0) {
		(void)!read(pipe_fds[0], &byte, 1);
		hi_control_forget(place.control);
		_exit(0);
	}
	close(fd);
	ck_assert(!hi_control_next(place.control, &request));
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	ck_assert_int_eq(write(pipe_fds[1], "", 1), 1);
	waitpid(child, NULL, 0);
	fd = dial(&place);
	ask(fd, "{\"command\":\"status\"}");
	ck_assert(hi_control_next(place.control, &request));
	close(fd);
	close_place(&place);
}
END_TEST

START_TEST(files_that_are_no_sockets_are_left_alone)
{
	struct place place;
	pid_t *pids = NULL;
	struct stat st;

	open_place(&place);
	hi_fixture_run(&place.fx, "cd hotinject; touch 5.socket 6.socketx; "
				  "ln -s /nowhere 7.socket; mkdir 8.socket");
	ck_assert_uint_eq(hi_control_list(place.folder_fd, &pids), 1);
	free(pids);
	ck_assert_int_eq(fstatat(place.folder_fd, "5.socket", &st, 0), 0);
	hi_fixture_run(&place.fx, "cd hotinject; rm -r 5* 6* 7* 8*");
	close_place(&place);
}
END_TEST

START_TEST(a_folder_that_others_may_enter_is_not_used)
{
	struct hi_control *control = NULL;
	struct hi_err err = { 0 };
	struct hi_fixture fx;
	char sentence[400];

	hi_fixture_init(&fx);
	setenv("XDG_RUNTIME_DIR", fx.folder, 1);
	hi_fixture_run(&fx, "mkdir -m 755 hotinject");
	snprintf(sentence, sizeof(sentence),
		 "%s/hotinject is another user's, or open to others",
		 fx.folder);
	ck_assert_int_eq(hi_control_new(1, &control, &err), HI_E_RIGHTS);
	ck_assert_str_eq(err.sentence, sentence);
	hi_fixture_run(&fx, "rmdir hotinject; mkdir -m 700 x; ln -s x "
			    "hotinject");
	ck_assert_int_lt(hi_control_new(1, &control, &err), 0);
	ck_assert_ptr_null(control);
	hi_fixture_done(&fx);
}
END_TEST

START_TEST(there_may_be_no_descriptor_left)
{
	const struct rlimit few = { 64, 64 };
	struct place place;
	struct hi_control_request request;
	int fd, last, n = 0, all[64];

	open_place(&place);
	fd = dial(&place);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((last = dup(place.folder_fd)) >= 0)
		all[n++] = last;
	/* it is turned away, and nobody stays awake for it */
	ck_assert(!hi_control_next(place.control, &request));
	ck_assert(!is_readable(hi_control_get_fd(place.control)));
	while (n > 0)
		close(all[--n]);
	close(fd);
	fd = dial(&place);
	ask(fd, "{\"command\":\"status\"}");
	ck_assert(hi_control_next(place.control, &request));
	close(fd);
	close_place(&place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_test(tc, a_request_is_read_as_it_was_written);
	tcase_add_test(tc, keys_that_a_later_version_adds_do_no_harm);
	tcase_add_test(tc, what_is_no_request_is_told_so);
	tcase_add_test(tc, more_than_64_KiB_is_neither_read_nor_written);
	tcase_add_test(tc, an_error_comes_out_with_its_sentence_and_hint);
	tcase_add_test(tc, a_client_asks_and_is_answered);
	tcase_add_test(tc, silent_clients_make_room);
	tcase_add_test(tc, a_client_that_has_gone_is_no_harm);
	tcase_add_test(tc, a_promise_lasts_until_the_client_ends_its_side);
	tcase_add_test(tc, the_socket_follows_the_host);
	tcase_add_test(tc, a_name_that_is_in_use_stays_with_its_owner);
	tcase_add_test(tc, what_a_killed_session_left_is_swept);
	tcase_add_test(tc, a_forked_process_leaves_the_socket_to_the_first);
	tcase_add_test(tc, files_that_are_no_sockets_are_left_alone);
	tcase_add_test(tc, a_folder_that_others_may_enter_is_not_used);
	tcase_add_test(tc, there_may_be_no_descriptor_left);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
