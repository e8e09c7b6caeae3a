#include "tests/support_control.h"

/* Build 4 is refused: what it gives back has another type. */
struct support *control_compile(const char *name)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "src=%s; sed 's/^int step/long step/' $src/worker.c "
		      ">w4.c; cp $src/worker.c w1.c; cp w1.c w2.c; cp w1.c "
		      "w3.c; for n in 1 2 3 4; do gcc -g -O2 -fPIC -shared "
		      "-DBUILD=$n -Wl,-soname,libworker.so -o worker.$n.so "
		      "w$n.c; done; cp worker.1.so libworker.so; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/host.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/attached"));
	return scene;
}

/* With a second thread when BUSY. */
static struct support *begin_host(const char *name, int how, bool busy)
{
	const char *mode = busy ? "computes" : "waits";
	struct support *scene = control_compile(name);

	if (how == CONTROL_LAUNCHED) {
		support_start(scene, "./host", "libworker.so", "--", mode,
			      NULL);
	} else {
		support_start_plain(scene, "./host", mode, NULL);
		support_ask(scene, "value");
		support_attach(scene, "libworker.so", NULL);
	}
	support_event(scene, "ready");
	return scene;
}

struct support *control_begin(const char *name, int how)
{
	return begin_host(name, how, false);
}

struct support *control_begin_busy(const char *name, int how)
{
	return begin_host(name, how, true);
}

void control_expect(struct support *scene, long value)
{
	const char *line = support_ask(scene, "value");

	if (support_number(scene, line, "value") != value ||
	    support_number(scene, line, "broken") != 0)
		support_fail(scene, "%s", line);
}

void control_put(struct support *scene, const char *name)
{
	support_put(scene, name, "libworker.so", SUPPORT_RENAME);
}

/* NAME: "worker.2.so", whose answer is 2. */
void control_go_live(struct support *scene, const char *name, long number)
{
	json_t *live;

	control_put(scene, name);
	live = support_event(scene, "live");
	ck_assert_int_eq(support_event_number(scene, live, "build"), number);
	control_expect(scene, name[7] - '0');
}

void control_end(struct support *scene, int how)
{
	if (how == CONTROL_ATTACHED)
		ck_assert_int_eq(support_detach(scene), 0);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* "hotinject WORDS": it ends with STATUS, and a line of what it says is like
   PATTERN. */
void control_command(struct support *scene, int status, const char *words,
		     const char *pattern)
{
	support_shell(scene,
		      "$HOTINJECT %s >said 2>&1; s=$?; cat said; test $s = %d "
		      "&& grep -Eqx -e \"%s\" said",
		      words, status, pattern);
}
