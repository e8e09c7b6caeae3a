/*
 * Debug information from a server: elfscan asks where no file has it, and takes only
 * what belongs to the build.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_scan.h"

/*
 * Serves the folder "web" while the command runs, and writes what was asked for into
 * "asked". The client keeps what it got in "cache".
 */
static const char server[] =
	"import functools, http.server, os, subprocess, sys, threading\n"
	"class Handler(http.server.SimpleHTTPRequestHandler):\n"
	"    def log_request(self, code='-', size='-'):\n"
	"        with open('asked', 'a') as asked:\n"
	"            print(self.path, int(code), file=asked)\n"
	"    def log_message(self, *text):\n"
	"        pass\n"
	"web = http.server.ThreadingHTTPServer(('127.0.0.1', 0),\n"
	"    functools.partial(Handler, directory='web'))\n"
	"threading.Thread(target=web.serve_forever, daemon=True).start()\n"
	"os.environ['DEBUGINFOD_URLS'] = 'http://127.0.0.1:%d' % web.server_port\n"
	"os.environ['DEBUGINFOD_CACHE_PATH'] = os.path.abspath('cache')\n"
	"sys.exit(subprocess.call(sys.argv[1:]))\n";

/* "take NAME AS" moves the debug information of NAME to the server, for AS. */
static const char take[] =
	"take() {\n"
	"	id=$(readelf -n $2 | sed -n 's/.*Build ID: //p')\n"
	"	mkdir -p web/buildid/$id\n"
	"	objcopy --only-keep-debug $1 web/buildid/$id/debuginfo\n"
	"}\n";

static struct support *make_scene(const char *name)
{
	struct support *scene = support_scan_new(name);

	support_write(scene, "serve.py", server);
	support_scan_compile(scene, "old.so", "-g -Wl,--build-id");
	support_scan_compile(scene, "new.so",
			     "-g -Wl,--build-id -DSECONDS=double");
	support_shell(scene, "mkdir web; : >asked");
	return scene;
}

#define WITH_SERVER "--version >ignored; python3 serve.py elfscan "

START_TEST(what_is_in_no_file_comes_from_the_server)
{
	struct support *scene = make_scene("server");

	support_shell(scene,
		      "%s take old.so old.so; take new.so new.so;"
		      "strip old.so new.so",
		      take);
	support_scan_expect(scene, 16, "diff old.so new.so");
	support_scan_expect(scene, 12, WITH_SERVER "diff old.so new.so");
	support_scan_holds(scene, support_scan_output(scene),
			   "parameter 2 changed from 'float' to 'double' "
			   "(game.c:");
	support_shell(scene, "cat asked; test $(wc -l <asked) = 2;"
			     "test $(grep -c 'debuginfo 200' asked) = 2");
	support_free(scene);
}
END_TEST

START_TEST(a_server_is_asked_once_and_may_know_nothing)
{
	struct support *scene = make_scene("nothing");

	support_shell(scene, "strip old.so new.so");
	support_scan_expect(scene, 16, WITH_SERVER "diff old.so new.so");
	support_shell(scene, "cat asked; test $(wc -l <asked) = 2;"
			     "test $(grep -c 'debuginfo 404' asked) = 2");
	/* nobody there */
	support_shell(scene, "rm -r cache");
	support_scan_expect(scene, 16,
			    "--version; DEBUGINFOD_URLS=http://127.0.0.1:1 "
			    "DEBUGINFOD_CACHE_PATH=cache elfscan diff old.so "
			    "new.so");
	support_free(scene);
}
END_TEST

START_TEST(what_a_file_has_is_not_asked_for)
{
	struct support *scene = make_scene("local");

	support_scan_expect(scene, 12, WITH_SERVER "diff old.so new.so");
	support_shell(scene, "for name in old new; do"
			     " objcopy --only-keep-debug $name.so $name.debug;"
			     " strip $name.so; objcopy "
			     "--add-gnu-debuglink=$name.debug $name.so; done");
	support_scan_expect(scene, 12, WITH_SERVER "diff old.so new.so");
	support_shell(scene, "test ! -s asked");
	support_free(scene);
}
END_TEST

START_TEST(what_belongs_to_another_build_is_not_taken)
{
	struct support *scene = make_scene("other");

	support_shell(scene, "%s take old.so new.so; strip new.so", take);
	support_scan_expect(scene, 16, WITH_SERVER "diff old.so new.so");
	support_shell(scene, "cat asked; grep -c 'debuginfo 200' asked");
	support_free(scene);
}
END_TEST

/* The debug information of a program comes from there, too. */
START_TEST(a_host_without_debug_information_is_asked_for)
{
	struct support *scene = make_scene("host");

	support_write(scene, "host.c",
		      "struct world; void world_update(struct world *, float);"
		      "int main(int n, char **v)"
		      "{ world_update((struct world *)v, n); return 0; }\n");
	support_scan_compile(scene, "deep.so", "-g -DWORLD='int depth;'");
	support_shell(scene,
		      "gcc -g -Wl,--build-id -o host host.c old.so; %s"
		      "take host host; strip host",
		      take);
	support_scan_expect(scene, 12, "diff --host=host old.so deep.so");
	support_scan_expect(scene, 4,
			    WITH_SERVER "diff --host=host old.so deep.so");
	support_free(scene);
}
END_TEST

START_TEST(hotinject_knows_of_no_server)
{
	struct support *scene = support_scan_new("alone");

	support_shell(scene,
		      "grep -q libdebuginfod \"$(command -v elfscan)\";"
		      "! grep -q libdebuginfod \"$(dirname \"$(command -v "
		      "elfscan)\")/hotinject\"");
	support_free(scene);
}
END_TEST

static void add_tests(Suite *suite)
{
	TCase *fetch = support_tcase(suite, "fetch");

	tcase_add_test(fetch, what_is_in_no_file_comes_from_the_server);
	tcase_add_test(fetch, a_server_is_asked_once_and_may_know_nothing);
	tcase_add_test(fetch, what_a_file_has_is_not_asked_for);
	tcase_add_test(fetch, what_belongs_to_another_build_is_not_taken);
	tcase_add_test(fetch, a_host_without_debug_information_is_asked_for);
	tcase_add_test(fetch, hotinject_knows_of_no_server);
}

int main(void)
{
	return support_main("scan_fetch", add_tests);
}
