/*
 * Files that are cut off or damaged: elfscan says what is wrong, or does not mind, but
 * neither dies nor takes long.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support.h"

/* A second on a quiet machine takes longer when others compute. */
enum { LIMIT_MS = 10000, ANY = -1 };

static const char source[] =
	"struct node { struct node *next; unsigned int a : 3; char b[4][2];\n"
	"	union { int i; float f; }; };\n"
	"enum color { RED, GREEN };\n"
	"typedef int visit(struct node *, ...);\n"
	"struct node *first;\n"
	"__thread int turn;\n"
	"const long limit = 3;\n"
	"int walk(struct node *from, visit *each, enum color c)\n"
	"{ return each(from, 1) + c; }\n";

static const char *get_elfscan(void)
{
	static char path[512];
	const char *build = getenv("HOTINJECT_BUILD");

	snprintf(path, sizeof(path), "%s/elfscan", build ? build : "build");
	return path;
}

/* --- one run ------------------------------------------------------------------- */

static void write_file(struct support *scene, const void *bytes, size_t len)
{
	const char *path = support_path(scene, "damaged");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd))
		support_fail(scene, "cannot write %s: %s", path,
			     strerror(errno));
}

/* The status, or minus the signal; what was said is in "err". */
static int dump(struct support *scene, const char *err)
{
	const char *words[] = { get_elfscan(), "dump",
				support_path(scene, "damaged"), NULL };
	posix_spawn_file_actions_t actions;
	extern char **environ;
	int status, failed;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, err,
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	failed = posix_spawn(&pid, words[0], &actions, NULL,
			     (char *const *)words, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed || waitpid(pid, &status, 0) != pid)
		support_fail(scene, "cannot run elfscan");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static long get_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Exactly one sentence of elfscan's own, and perhaps a hint. */
static bool is_sentence(const char *text)
{
	const char *end = strchr(text, '\n');

	return !strncmp(text, "elfscan: ", 9) && end > text + 20 &&
	       (!end[1] || !strncmp(end + 1, "hint: ", 6));
}

/* These bytes must be refused, or else (ANY) at least be borne. */
static int expect(struct support *scene, const void *bytes, size_t len,
		  int wanted, const char *what, size_t number)
{
	char err[512];
	char *HI_FREE said = NULL;
	long start = get_ms();
	int status;

	snprintf(err, sizeof(err), "%s", support_path(scene, "err"));
	write_file(scene, bytes, len);
	status = dump(scene, err);
	said = support_read(scene, "err", NULL);
	if (get_ms() - start > LIMIT_MS)
		support_fail(scene, "%s %zu: elfscan took too long", what,
			     number);
	if (status != 1 && (status != 0 || wanted == 1))
		support_fail(scene, "%s %zu: status %d: %s", what, number,
			     status, said);
	if (status == 1 ? !is_sentence(said) : *said != '\0')
		support_fail(scene, "%s %zu: status %d, but said '%s'", what,
			     number, status, said);
	return status;
}

/* --- libraries ------------------------------------------------------------------ */

static char *make_library(struct support *scene, size_t *ret_len)
{
	support_write(scene, "lib.c", source);
	support_shell(scene, "gcc -g -shared -fPIC -o lib.so lib.c");
	return support_read(scene, "lib.so", ret_len);
}

START_TEST(a_library_that_is_cut_off_is_refused)
{
	struct support *scene = support_new("damage");
	size_t len;
	char *HI_FREE bytes = make_library(scene, &len);

	for (size_t at = 0; at < len; at += 512)
		expect(scene, bytes, at, 1, "cut off at", at);
	support_free(scene);
}
END_TEST

/* The header of section NAME in BYTES, which are whole. */
static Elf64_Shdr *find_section(char *bytes, const char *name)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	Elf64_Shdr *all = (Elf64_Shdr *)(bytes + header->e_shoff);
	const char *names = bytes + all[header->e_shstrndx].sh_offset;

	for (size_t i = 0; i < header->e_shnum; i++)
		if (!strcmp(names + all[i].sh_name, name))
			return &all[i];
	ck_abort_msg("no section %s", name);
	return NULL;
}

/* Half a unit would be taken for another interface. */
START_TEST(a_unit_that_is_cut_is_not_verified)
{
	struct support *scene = support_new("damage");
	size_t len;
	char *HI_FREE bytes = make_library(scene, &len);

	find_section(bytes, ".debug_info")->sh_size -= 20;
	write_file(scene, bytes, len);
	support_shell(scene,
		      "status=0; '%s' diff lib.so damaged || status=$?;"
		      " test $status = 16",
		      get_elfscan());
	support_free(scene);
}
END_TEST

START_TEST(a_damaged_section_header_is_borne)
{
	struct support *scene = support_new("damage");
	size_t len;
	char *HI_FREE bytes = make_library(scene, &len);
	Elf64_Ehdr header;

	memcpy(&header, bytes, sizeof(header));
	ck_assert(header.e_shnum > 20);
	/* one byte of each field: 5 and 64 have no divisor in common, so that
	   another one is taken in each header */
	for (size_t at = 0; at < header.e_shnum * sizeof(Elf64_Shdr); at += 5) {
		char *byte = bytes + header.e_shoff + at;

		*byte = (char)~*byte;
		expect(scene, bytes, len, ANY, "section header byte", at);
		*byte = (char)~*byte;
	}
	support_free(scene);
}
END_TEST

/* --- baselines ------------------------------------------------------------------- */

static char *make_baseline(struct support *scene)
{
	size_t len;

	free(make_library(scene, &len));
	support_shell(scene, "'%s' dump lib.so >lib.txt", get_elfscan());
	return support_read(scene, "lib.txt", NULL);
}

START_TEST(a_baseline_that_is_cut_is_borne)
{
	struct support *scene = support_new("damage");
	char *HI_FREE text = make_baseline(scene);
	size_t line = 1, n_refused = 0;

	/* each line loses its second half */
	for (char *at = strchr(text, '\n') + 1; *at; at++, line++) {
		size_t len = strcspn(at, "\n");
		char *HI_FREE cut = NULL;

		if (asprintf(&cut, "%.*s%s", (int)(at - text) + (int)len / 2,
			     text, at + len) < 0)
			abort();
		n_refused += expect(scene, cut, strlen(cut), ANY, "line",
				    line + 1) == 1;
		at += len;
	}
	/* what is left of some is whole, as of a name */
	ck_assert_uint_gt(line, 20);
	ck_assert_uint_gt(n_refused, line / 2);
	support_free(scene);
}
END_TEST

START_TEST(a_baseline_that_ends_early_is_refused)
{
	struct support *scene = support_new("damage");
	char *HI_FREE text = make_baseline(scene);
	size_t line = 1;

	/* behind each line but the last */
	for (const char *at = strchr(text, '\n') + 1; *at; line++) {
		(void)expect(scene, text, (size_t)(at - text), 1, "line", line);
		at += strcspn(at, "\n") + 1;
	}
	ck_assert_uint_gt(line, 20);
	support_free(scene);
}
END_TEST

static const char *const replacements[] = {
	"",     "struct", "\"", "-1",          "99999999999999999999",
	"((((", "[",      "?",  "#4294967295", "\xff",
};

START_TEST(a_baseline_with_another_word_is_borne)
{
	struct support *scene = support_new("damage");
	char *HI_FREE text = make_baseline(scene);
	size_t number = 0;

	for (const char *at = text; *at;) {
		size_t len = strcspn(at, " \n");
		char *HI_FREE other = NULL;
		const char *instead =
			replacements[number % (sizeof(replacements) /
					       sizeof(replacements[0]))];
		int all = asprintf(&other, "%.*s%s%s", (int)(at - text), text,
				   instead, at + len);

		ck_assert_int_gt(all, 0);
		if (len) {
			expect(scene, other, (size_t)all, ANY, "word", number);
			number++;
		}
		at += len + (at[len] != '\0');
	}
	ck_assert_uint_gt(number, 50);
	support_free(scene);
}
END_TEST

static void add_damage(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "damage");

	tcase_add_test(tcase, a_library_that_is_cut_off_is_refused);
	tcase_add_test(tcase, a_damaged_section_header_is_borne);
	tcase_add_test(tcase, a_unit_that_is_cut_is_not_verified);
	tcase_add_test(tcase, a_baseline_that_is_cut_is_borne);
	tcase_add_test(tcase, a_baseline_that_ends_early_is_refused);
	tcase_add_test(tcase, a_baseline_with_another_word_is_borne);
}

int main(void)
{
	return support_main("scan_damage", add_damage);
}
