#include "injector/imprint.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/remote.h"
#include "tests/unit/fixture.h"

/* 64 functions, each on a page of its own, that return 0x11111111. */
#define SOURCE                                                          \
	"int variable = 7;\n"                                           \
	"#define F(n) __attribute__((aligned(4096))) int f##n(void) "   \
	"{ return 0x11111111; }\n"                                      \
	"#define G(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) " \
	"F(n##6) F(n##7)\n"                                             \
	"G(1) G(2) G(3) G(4) G(5) G(6) G(7) G(8)\n"

enum { N_FUNCTIONS = 64, OLD = 0x11111111, NEW = 0x22222222 };

/* A process that has a library loaded, and answers. */
struct subject {
	struct hi_fixture fx;
	struct hi_host *host;
	struct hi_build *build;
	struct hi_plan plan;
	uint64_t places[N_FUNCTIONS]; /* of the 4 bytes to write, link-time */
	int ask_fd, answer_fd;
};

/*
 * Answer each byte with how many functions return NEW, and the variable; an address with
 * itself, when its page is gone.
 */
static _Noreturn void serve(const char *path, int ask_fd, int answer_fd)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct link_map *map = library;
	uint64_t base = library ? map->l_addr : 0;
	int answer[2];
	char name[20], question[8];
	ssize_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (write(answer_fd, &base, sizeof(base)) > 0 &&
	       (len = read(ask_fd, question, sizeof(question))) > 0) {
		if (len == sizeof(question)) {
			memcpy(&base, question, sizeof(base));
			munmap((void *)base, 4096);
			continue;
		}
		answer[0] = 0;
		for (int i = 0; library && i < N_FUNCTIONS; i++) {
			int (*function)(void);

			snprintf(name, sizeof(name), "f%d%d", 1 + i / 8, i % 8);
			*(void **)&function = dlsym(library, name);
			answer[0] += function() == NEW;
		}
		answer[1] = *(int *)dlsym(library, "variable");
		if (write(answer_fd, answer, sizeof(answer)) < 0)
			break;
	}
	_exit(0);
}

/* Start the process on the library at PATH. */
static void start(struct subject *subject, const char *path)
{
	int ask[2], answer[2];
	pid_t pid;
	struct hi_err err;
	uint64_t base = 0;

	ck_assert_int_eq(pipe(ask) | pipe(answer), 0);
	pid = fork();
	if (pid == 0)
		serve(path, ask[0], answer[1]);
	close(ask[0]);
	close(answer[1]);
	subject->ask_fd = ask[1];
	subject->answer_fd = answer[0];
	ck_assert_int_eq(read(answer[0], &base, sizeof(base)), sizeof(base));
	ck_assert_uint_ne(base, 0);
	subject->host = hi_host_new(pid);
	ck_assert_int_eq(hi_host_reopen(subject->host, &err), 0);
	subject->build->base_remote = base;
}

static void ask(struct subject *subject, int n_new, int variable)
{
	int answer[2];
	uint64_t base;

	ck_assert_int_eq(write(subject->ask_fd, "?", 1), 1);
	ck_assert_int_eq(read(subject->answer_fd, answer, sizeof(answer)),
			 sizeof(answer));
	ck_assert_int_eq(read(subject->answer_fd, &base, sizeof(base)),
			 sizeof(base));
	ck_assert_int_eq(answer[0], n_new);
	ck_assert_int_eq(answer[1], variable);
}

static const struct hi_symbol *find(const struct hi_build *build,
				    const char *name)
{
	const struct hi_symbol *symbol =
		hi_symtab_find_exported(build->symtab, name, NULL);

	ck_assert_ptr_nonnull(symbol);
	return symbol;
}

/* The writes: every function is to return NEW, the variable to be 8. */
static void make_plan(struct subject *subject)
{
	static const int old = OLD, new = NEW, seven = 7, eight = 8;
	const struct hi_build *build = subject->build;
	char name[20];

	for (int i = 0; i < N_FUNCTIONS; i++) {
		const struct hi_symbol *symbol;
		const uint8_t *bytes, *at;

		snprintf(name, sizeof(name), "f%d%d", 1 + i / 8, i % 8);
		symbol = find(build, name);
		bytes = hi_image_find_bytes(build->image, symbol->addr_link,
					    symbol->size);
		at = memmem(bytes, symbol->size, &old, 4);
		ck_assert_ptr_nonnull(at);
		subject->places[i] = symbol->addr_link + (uint64_t)(at - bytes);
		hi_plan_add(&subject->plan,
			    build->base_remote + subject->places[i], &new, &old,
			    4, true);
	}
	hi_plan_add(&subject->plan,
		    build->base_remote + find(build, "variable")->addr_link,
		    &eight, &seven, 4, false);
}

/* The build NUMBER at PATH; the process loads LOADED, which has the same bytes. */
static void begin(struct subject *subject, const char *path, const char *loaded,
		  unsigned int number)
{
	struct hi_err err;

	if (hi_build_open(path, path, number, &subject->build, &err) < 0 ||
	    hi_build_scan(subject->build, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	start(subject, loaded);
	make_plan(subject);
	ask(subject, 0, 7);
}

static const char *compile(struct subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	hi_fixture_init(&subject->fx);
	return hi_fixture_library(&subject->fx, "libworker.2.so", "gcc -O2 -g",
				  SOURCE);
}

static void end(struct subject *subject)
{
	kill(subject->host->pid, SIGKILL);
	waitpid(subject->host->pid, NULL, 0);
	close(subject->ask_fd);
	close(subject->answer_fd);
	hi_plan_done(&subject->plan);
	hi_build_free(subject->build);
	hi_host_free(subject->host);
	hi_fixture_done(&subject->fx);
}

static void imprint(struct subject *subject)
{
	struct hi_err err;

	if (hi_imprint(subject->host, subject->build, &subject->plan, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	ask(subject, N_FUNCTIONS, 8);
}

/* Of the process's r-x mapping of the library: the kB that are its own. */
static long count_own(const struct subject *subject)
{
	char path[50], line[500];
	uint64_t start, stop,
		text = subject->build->base_remote + subject->places[0];
	bool inside = false;
	long own = -1;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", subject->host->pid);
	smaps = fopen(path, "re");
	ck_assert_ptr_nonnull(smaps);
	while (own < 0 && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &stop) == 2)
			inside = text >= start && text < stop;
		if (inside)
			sscanf(line, "Anonymous: %ld kB", &own);
	}
	(void)!fclose(smaps);
	ck_assert_int_ge(own, 0);
	return own;
}

/* How many of the functions return VALUE by what the build's image shows. */
static int count_shown(const struct subject *subject, int value)
{
	int n = 0;

	for (int i = 0; i < N_FUNCTIONS; i++)
		n += memcmp(hi_image_find_bytes(subject->build->image,
						subject->places[i], 4),
			    &value, 4) == 0;
	return n;
}

START_TEST(text_is_written_in_the_file_and_stays_the_file_s)
{
	struct subject subject;
	const char *path = compile(&subject);

	begin(&subject, path, path, 2);
	imprint(&subject);
	ck_assert_int_eq(count_own(&subject), 0);
	ck_assert_int_eq(count_shown(&subject, OLD), N_FUNCTIONS);
	hi_image_rest(subject.build->image);
	ck_assert_int_eq(count_shown(&subject, NEW), N_FUNCTIONS);
	end(&subject);
}
END_TEST

START_TEST(the_first_build_s_file_is_never_written)
{
	struct subject subject;
	const char *path = compile(&subject);

	begin(&subject, path, path, 1);
	imprint(&subject);
	ck_assert_int_eq(count_own(&subject), 4L * N_FUNCTIONS);
	hi_image_rest(subject.build->image);
	ck_assert_int_eq(count_shown(&subject, OLD), N_FUNCTIONS);
	end(&subject);
}
END_TEST

START_TEST(text_goes_to_the_host_s_memory_when_the_file_cannot_be_written)
{
	struct subject subject;
	const char *compiled = compile(&subject);
	char path[50];
	int HI_CLOSE source = open(compiled, O_RDONLY | O_CLOEXEC);
	int HI_CLOSE sealed = memfd_create("worker", MFD_ALLOW_SEALING);
	struct stat st;

	ck_assert_int_eq(fstat(source, &st), 0);
	ck_assert_int_eq(sendfile(sealed, source, NULL, (size_t)st.st_size),
			 st.st_size);
	ck_assert_int_eq(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed);
	begin(&subject, path, path, 2);
	imprint(&subject);
	ck_assert_int_eq(count_own(&subject), 4L * N_FUNCTIONS);
	ck_assert_int_eq(count_shown(&subject, OLD), N_FUNCTIONS);
	end(&subject);
}
END_TEST

START_TEST(text_goes_to_the_host_s_memory_when_that_does_not_show_the_file)
{
	struct subject subject;
	const char *path = compile(&subject);
	const char *other = hi_fixture_path(&subject.fx, "other.so");

	hi_fixture_run(&subject.fx, "cp libworker.2.so other.so");
	begin(&subject, other, path, 2);
	imprint(&subject);
	ck_assert_int_eq(count_own(&subject), 4L * N_FUNCTIONS);
	end(&subject);
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_file_as_it_was)
{
	struct subject subject;
	const char *path = compile(&subject);
	struct hi_err err = { 0 };
	siginfo_t info;

	begin(&subject, path, path, 2);
	subject.plan.n_writes--; /* the variable, which would fail first */
	kill(subject.host->pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)subject.host->pid, &info,
				WEXITED | WNOWAIT),
			 0);
	ck_assert_int_lt(hi_imprint(subject.host, subject.build, &subject.plan,
				    &err),
			 0);
	ck_assert_str_ne(err.sentence, "");
	hi_image_rest(subject.build->image);
	ck_assert_int_eq(count_shown(&subject, OLD), N_FUNCTIONS);
	end(&subject);
}
END_TEST

/* Data has been written by then. */
START_TEST(what_fails_in_text_leaves_the_data_as_it_was)
{
	struct subject subject;
	const char *path = compile(&subject);
	uint64_t variable, page;
	struct hi_err err;
	int value = 0;

	begin(&subject, path, path, 2);
	variable = subject.plan.writes[N_FUNCTIONS].to_remote;
	page = (subject.build->base_remote + subject.places[0]) & -4096UL;
	ck_assert_int_eq(write(subject.ask_fd, &page, sizeof(page)),
			 sizeof(page));
	ck_assert_int_eq(read(subject.answer_fd, &page, sizeof(page)),
			 sizeof(page));
	ck_assert_int_lt(hi_imprint(subject.host, subject.build, &subject.plan,
				    &err),
			 0);
	ck_assert_ptr_null(strstr(err.sentence, "not taken back"));
	ck_assert_int_eq(
		hi_remote_read(subject.host, variable, &value, 4, &err), 0);
	ck_assert_int_eq(value, 7);
	hi_image_rest(subject.build->image);
	ck_assert_int_eq(count_shown(&subject, OLD), N_FUNCTIONS);
	end(&subject);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("imprint");
	TCase *tcase = tcase_create("imprint");

	tcase_add_test(tcase, text_is_written_in_the_file_and_stays_the_file_s);
	tcase_add_test(tcase, the_first_build_s_file_is_never_written);
	tcase_add_test(
		tcase,
		text_goes_to_the_host_s_memory_when_the_file_cannot_be_written);
	tcase_add_test(
		tcase,
		text_goes_to_the_host_s_memory_when_that_does_not_show_the_file);
	tcase_add_test(tcase, what_cannot_be_written_leaves_the_file_as_it_was);
	tcase_add_test(tcase, what_fails_in_text_leaves_the_data_as_it_was);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
