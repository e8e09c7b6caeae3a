#include "tests/support_again.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support_scene.h"

struct support *again_compile(const char *name, int n_builds,
			      const char *language)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "src=%s; for n in $(seq %d); do $(test %s = c && echo "
		      "gcc || echo g++) -g -O2 -fPIC -shared -DBUILD=$n "
		      "-Wl,-soname," AGAIN_WORKER
		      " -o worker.$n.so $src/worker.%s; "
		      "done; cp worker.1.so " AGAIN_WORKER "; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/again"), n_builds, language,
		      language);
	return scene;
}

void again_put(struct support *scene, int file)
{
	char name[32];

	snprintf(name, sizeof(name), "worker.%d.so", file);
	support_put(scene, name, AGAIN_WORKER, SUPPORT_RENAME);
}

void again_expect(struct support *scene, long build, long *count)
{
	const char *line = support_ask(scene, "value");

	++*count;
	if (support_number(scene, line, "build") != build ||
	    support_number(scene, line, "callback") != build ||
	    support_number(scene, line, "count") != *count ||
	    support_number(scene, line, "here") != *count ||
	    support_number(scene, line, "same") != 1 ||
	    support_number(scene, line, "wrong") != 0)
		support_fail(scene, "build %ld, count %ld: %s", build, *count,
			     line);
}

void again_attach(struct support *scene, long build)
{
	support_attach(scene, AGAIN_WORKER, NULL);
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "ready"), "build"),
			 build);
}

void again_kill_tool(struct support *scene)
{
	ck_assert_int_eq(kill(support_get_attached(scene), SIGKILL), 0);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
}

void again_end(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
