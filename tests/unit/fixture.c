#include "tests/unit/fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Set by hi_fixture_main() before Check forks, so that the tests inherit it. */
static char root[128];

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_tree(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int hi_fixture_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int n_failed;

	snprintf(root, sizeof(root), "/tmp/hotinject-check.XXXXXX");
	if (!mkdtemp(root)) {
		perror(root);
		srunner_free(runner);
		return 1;
	}
	srunner_run_all(runner, CK_ENV);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	remove_tree(root);
	return n_failed ? 1 : 0;
}

void hi_fixture_init(struct hi_fixture *fx)
{
	memset(fx, 0, sizeof(*fx));
	snprintf(fx->folder, sizeof(fx->folder), "%s/test.XXXXXX",
		 root[0] ? root : "/tmp");
	ck_assert_msg(mkdtemp(fx->folder), "mkdtemp %s", fx->folder);
}

void hi_fixture_done(struct hi_fixture *fx)
{
	for (size_t i = 0; i < fx->n_paths; i++)
		free(fx->paths[i]);
	free(fx->paths);
	remove_tree(fx->folder);
	memset(fx, 0, sizeof(*fx));
}

const char *hi_fixture_path(struct hi_fixture *fx, const char *name)
{
	char **paths;
	char *path;

	ck_assert_int_ge(asprintf(&path, "%s/%s", fx->folder, name), 0);
	paths = realloc(fx->paths, (fx->n_paths + 1) * sizeof(*paths));
	ck_assert_ptr_nonnull(paths);
	fx->paths = paths;
	fx->paths[fx->n_paths++] = path;
	return path;
}

const char *hi_fixture_write_bytes(struct hi_fixture *fx, const char *name,
				   const void *bytes, size_t len)
{
	const char *path = hi_fixture_path(fx, name);
	FILE *file = fopen(path, "w");

	ck_assert_msg(file, "cannot create %s", path);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

const char *hi_fixture_write(struct hi_fixture *fx, const char *name,
			     const char *text)
{
	return hi_fixture_write_bytes(fx, name, text, strlen(text));
}

unsigned char *hi_fixture_read(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	unsigned char *bytes;

	ck_assert_msg(file, "cannot open %s", path);
	ck_assert_int_eq(fstat(fileno(file), &status), 0);
	bytes = malloc(status.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	*ret_len = fread(bytes, 1, status.st_size, file);
	ck_assert_int_eq(*ret_len, status.st_size);
	bytes[*ret_len] = 0;
	fclose(file);
	return bytes;
}

/* Run COMMAND; its output goes to the file "output" beside the folder's own. */
static int run_shell(struct hi_fixture *fx, const char *command)
{
	char *line;
	int status;

	ck_assert_int_ge(asprintf(&line, "cd '%s' && (%s\n) >.output 2>&1",
				  fx->folder, command),
			 0);
	status = system(line);
	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void hi_fixture_run(struct hi_fixture *fx, const char *format, ...)
{
	unsigned char *output;
	char *command;
	size_t len;
	va_list args;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&command, format, args), 0);
	va_end(args);
	if (run_shell(fx, command)) {
		output = hi_fixture_read(hi_fixture_path(fx, ".output"), &len);
		ck_abort_msg("%s: %s", command, output);
	}
	free(command);
}

int hi_fixture_try(struct hi_fixture *fx, const char *format, ...)
{
	char *command;
	va_list args;
	int status;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&command, format, args), 0);
	va_end(args);
	status = run_shell(fx, command);
	free(command);
	return status;
}

const char *hi_fixture_library(struct hi_fixture *fx, const char *name,
			       const char *compiler, const char *source)
{
	size_t word_len = strcspn(compiler, " ");
	bool cxx = word_len > 1 && compiler[word_len - 1] == '+';
	int stem_len = (int)strlen(name);
	char source_name[128];

	if (stem_len > 3 && !strcmp(name + stem_len - 3, ".so"))
		stem_len -= 3;
	snprintf(source_name, sizeof(source_name), "%.*s%s", stem_len, name,
		 cxx ? ".cc" : ".c");
	hi_fixture_write(fx, source_name, source);
	hi_fixture_run(fx, "%s -shared -fPIC -o '%s' '%s'", compiler, name,
		       source_name);
	return hi_fixture_path(fx, name);
}
