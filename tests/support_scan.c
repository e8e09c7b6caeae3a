#include "tests/support_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/own.h"
#include "tests/support_scene.h"

static const char header[] =
	"#ifndef WORLD\n#define WORLD\n#endif\n"
	"#ifndef SECONDS\n#define SECONDS float\n#endif\n"
	"struct world { int width, height; WORLD };\n"
	"struct score;\n"
	"void world_update(struct world *world, SECONDS seconds);\n"
	"struct score *score_new(void);\n"
	"int score_get(const struct score *score);\n";

static const char source[] =
	"#include <stdlib.h>\n"
	"#include \"game.h\"\n"
	"#ifndef SCORE\n#define SCORE\n#endif\n"
	"struct score { int points; SCORE };\n"
	"int game_level = 1;\n"
	"#ifdef MORE\nMORE\n#endif\n"
	"#ifndef LESS\n"
	"int score_get(const struct score *score)\n"
	"{ return score->points; }\n"
	"#endif\n"
	"struct score *score_new(void)\n"
	"{ return calloc(1, sizeof(struct score)); }\n"
	"void world_update(struct world *world, SECONDS seconds)\n"
	"{ world->width += (int)seconds; }\n";

struct support *support_scan_new(const char *name)
{
	const char *build = getenv("HOTINJECT_BUILD");
	char *HI_FREE folder = realpath(build ? build : "build", NULL);
	char *HI_FREE path = NULL;
	struct support *scene;

	ck_assert_ptr_nonnull(folder);
	ck_assert_int_gt(asprintf(&path, "%s:%s", folder, getenv("PATH")), 0);
	setenv("PATH", path, 1);
	scene = support_new(name);
	support_write(scene, "game.h", header);
	support_write(scene, "game.c", source);
	return scene;
}

void support_scan_compile(struct support *scene, const char *name,
			  const char *flags)
{
	support_shell(scene,
		      "gcc -shared -fPIC -Wl,-soname,libgame.so.1 %s -o %s "
		      "game.c",
		      flags, name);
}

static int run(struct support *scene, const char *arguments)
{
	char *HI_FREE command = NULL;
	int status;

	ck_assert_int_gt(asprintf(&command,
				  "cd '%s' && { elfscan %s; } >out.txt "
				  "2>err.txt",
				  support_path(scene, "."), arguments),
			 0);
	/* NOLINTNEXTLINE(cert-env33-c): the shell is what a user has, too */
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int support_scan(struct support *scene, const char *format, ...)
{
	char *HI_FREE arguments = NULL;
	va_list args;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&arguments, format, args), 0);
	va_end(args);
	return run(scene, arguments);
}

void support_scan_expect(struct support *scene, int status, const char *format,
			 ...)
{
	char *HI_FREE arguments = NULL;
	va_list args;
	int found;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&arguments, format, args), 0);
	va_end(args);
	found = run(scene, arguments);
	if (found != status)
		support_fail(scene, "elfscan %s: %d, expected %d\n%s%s",
			     arguments, found, status,
			     support_scan_errors(scene),
			     support_scan_output(scene));
}

static const char *read_kept(struct support *scene, const char *name)
{
	char *HI_FREE text = support_read(scene, name, NULL);

	return support_keep(scene, text);
}

const char *support_scan_output(struct support *scene)
{
	return read_kept(scene, "out.txt");
}

const char *support_scan_errors(struct support *scene)
{
	return read_kept(scene, "err.txt");
}

void support_scan_holds(struct support *scene, const char *text,
			const char *part)
{
	if (!strstr(text, part))
		support_fail(scene, "'%s' is missing in\n%s", part, text);
}

void support_scan_lacks(struct support *scene, const char *text,
			const char *part)
{
	if (strstr(text, part))
		support_fail(scene, "there is '%s' in\n%s", part, text);
}

json_t *support_scan_json(struct support *scene)
{
	const char *text = support_scan_output(scene);
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);

	if (!root)
		support_fail(scene, "no JSON, %s:\n%s", error.text, text);
	return root;
}
