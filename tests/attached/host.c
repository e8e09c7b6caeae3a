/*
 * A host that is busy in one way while it is attached to, and checks its own work:
 * argv[1] says which. It answers a line with "value=BUILD broken=0 rounds=N".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

int step(void);

static atomic_long broken, rounds;

static void check(int right)
{
	if (!right)
		broken++;
	rounds++;
}

/* --- each in its way ---------------------------------------------------------- */

static void allocate(void)
{
	static __thread unsigned int seed = 1;
	unsigned char *blocks[64] = { NULL };

	for (int i = 0; i < 256; i++) {
		unsigned int at = rand_r(&seed) % 64;
		size_t len = 1 + rand_r(&seed) % 5000;

		check(!blocks[at] || blocks[at][0] == at);
		free(blocks[at]);
		blocks[at] = malloc(len);
		memset(blocks[at], (int)at, len);
	}
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
}

static void load(void)
{
	void *library = dlopen("libm.so.6", RTLD_NOW);
	double (*cosine)(double) =
		library ? (double (*)(double))dlsym(library, "cos") : NULL;

	check(cosine && cosine(0) == 1);
	dlclose(library);
}

static void *end_at_once(void *context)
{
	return context;
}

static void make_threads(void)
{
	pthread_t threads[4];
	void *result = NULL;

	for (int i = 0; i < 4; i++)
		check(!pthread_create(&threads[i], NULL, end_at_once,
				      &threads[i]));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		check(result == &threads[i]);
	}
}

static void make_processes(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(7);
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
}

typedef float vector __attribute__((vector_size(32)));

/* All that is live here is in vector registers. */
__attribute__((target("avx"))) static void compute_avx(void)
{
	vector a = { 1, 2, 3, 4, 5, 6, 7, 8 }, b = a * 0.5f, c = a, d = b;
	static _Atomic float first;
	float sum = 0;

	for (int i = 0; i < 200000; i++) {
		vector next = a * 0.25f + d;

		a = b * 0.5f + 1;
		b = c * 0.5f + 2;
		c = d * 0.5f + 3;
		d = next * 0.5f;
	}
	a += b + c + d;
	for (int i = 0; i < 8; i++)
		sum += a[i];
	first = first ? first : sum;
	check(sum == first);
}

static void compute(void)
{
	if (__builtin_cpu_supports("avx"))
		compute_avx();
	else
		rounds++;
}

/* Queued signals arrive all and in order. */
static volatile sig_atomic_t expected;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	check(info->si_value.sival_int == expected);
	expected = info->si_value.sival_int + 1;
}

static void queue_signals(void)
{
	static int sent;

	if (!sent)
		sigaction(SIGRTMIN,
			  &(struct sigaction){ .sa_sigaction = on_signal,
					       .sa_flags = SA_SIGINFO },
			  NULL);
	for (int i = 0; i < 10; i++)
		sigqueue(getpid(), SIGRTMIN,
			 (union sigval){ .sival_int = sent++ });
	usleep(1000);
}

/* Coroutines on stacks of four kilobytes, side by side in one block. */
static ucontext_t home, other;
static volatile int passes;

static void pass_back(void)
{
	for (;;) {
		for (volatile int i = 0; i < 1000; i++)
			;
		passes++;
		swapcontext(&other, &home);
	}
}

static void switch_stacks(void)
{
	static char stacks[3][4096], before[2][4096];
	int was = passes;

	if (!was) {
		memset(stacks[0], 0x5a, sizeof(stacks[0]));
		memset(stacks[2], 0x5a, sizeof(stacks[2]));
		memcpy(before[0], stacks[0], sizeof(before[0]));
		memcpy(before[1], stacks[2], sizeof(before[1]));
		getcontext(&other);
		other.uc_stack.ss_sp = stacks[1];
		other.uc_stack.ss_size = sizeof(stacks[1]);
		makecontext(&other, pass_back, 0);
	}
	swapcontext(&home, &other);
	check(passes == was + 1 &&
	      !memcmp(stacks[0], before[0], sizeof(before[0])) &&
	      !memcmp(stacks[2], before[1], sizeof(before[1])));
}

/* --- waits that must neither fail nor end early ----------------------------------- */

#define WAIT_MS 100
#define WAIT_NS (WAIT_MS * 1000000L)

static struct timespec get_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

static struct timespec later(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	at.tv_nsec += WAIT_NS;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

static const struct timespec wait_time = { 0, WAIT_NS };

static int in_nanosleep(void)
{
	return nanosleep(&wait_time, NULL) == 0;
}

static int in_usleep(void)
{
	return usleep(WAIT_MS * 1000) == 0;
}

static int until_clock(void)
{
	struct timespec at = later(CLOCK_MONOTONIC);

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0;
}

static int in_poll(void)
{
	return poll(NULL, 0, WAIT_MS) == 0;
}

static int in_ppoll(void)
{
	return ppoll(NULL, 0, &wait_time, NULL) == 0;
}

static int in_select(void)
{
	struct timeval time = { 0, WAIT_MS * 1000 };

	return select(0, NULL, NULL, NULL, &time) == 0;
}

static int in_epoll(void)
{
	static int fd;
	struct epoll_event event;

	fd = fd ? fd : epoll_create1(0);
	return epoll_wait(fd, &event, 1, WAIT_MS) == 0;
}

static int for_semaphore(void)
{
	static sem_t never;
	struct timespec at = later(CLOCK_REALTIME);

	return sem_timedwait(&never, &at) < 0 && errno == ETIMEDOUT;
}

static int for_condition(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec at = later(CLOCK_REALTIME);
	int result;

	pthread_mutex_lock(&mutex);
	result = pthread_cond_timedwait(&never, &mutex, &at);
	pthread_mutex_unlock(&mutex);
	return result == ETIMEDOUT;
}

static int set = -1;

static void remove_set(void)
{
	semctl(set, 0, IPC_RMID);
}

static int for_system_v(void)
{
	struct sembuf take = { 0, -1, 0 };

	if (set < 0) {
		set = semget(IPC_PRIVATE, 1, 0600);
		if (set < 0)
			return 1;
		atexit(remove_set);
	}
	if (semtimedop(set, &take, 1, &wait_time) == 0 || errno != EAGAIN)
		return 0;
	return 1;
}

static int for_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &wait_time) < 0 && errno == EAGAIN;
}

static int for_data(void)
{
	static int sockets[2];
	struct timeval time = { 0, WAIT_MS * 1000 };
	char byte;

	if (!sockets[0]) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
		setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &time,
			   sizeof(time));
	}
	return recv(sockets[0], &byte, 1, 0) < 0 && errno == EAGAIN;
}

/* Where a kernel has no such calls, ENOSYS. */
static int for_event(void)
{
	static aio_context_t context;
	struct io_event event;
	struct timespec time = wait_time;

	if (!context && syscall(SYS_io_setup, 1, &context) != 0)
		return in_nanosleep();
	return syscall(SYS_io_getevents, context, 1, 1, &event, &time) == 0;
}

static int (*const waits[])(void) = {
	in_nanosleep, in_usleep, until_clock,   in_poll,       in_ppoll,
	in_select,    in_epoll,  for_semaphore, for_condition, for_system_v,
	for_signal,   for_data,  for_event,
};

/* Each thread has one of them. */
static void wait_for_long(void)
{
	static atomic_uint next;
	static __thread int (*wait)(void);
	struct timespec start, end;
	int right;

	if (!wait)
		wait = waits[next++ % (sizeof(waits) / sizeof(*waits))];
	start = get_time();
	right = wait();

	end = get_time();
	check(right);
	/* a tick of the clock is not early */
	check((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec -
		      start.tv_nsec >
	      WAIT_NS * 9 / 10);
}

/* --- calls that never return ------------------------------------------------------ */

static int locked, queue = -1;

static void remove_queue(void)
{
	msgctl(queue, IPC_RMID, NULL);
}

/* A child that holds a lock, and ends with the host. */
static pid_t make_child(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	int ends[2];
	pid_t child;
	char byte;

	locked = memfd_create("locked", 0);
	check(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(locked, F_SETLKW, &lock);
		check(write(ends[1], "", 1) == 1);
		for (;;)
			pause();
	}
	check(read(ends[0], &byte, 1) == 1);
	return child;
}

static pid_t child;

static void in_read(void)
{
	int ends[2];
	char byte;

	check(pipe(ends) == 0);
	check(read(ends[0], &byte, 1) == -2);
}

static void in_write(void)
{
	static char much[65536];
	int ends[2];

	check(pipe(ends) == 0);
	check(write(ends[1], much, sizeof(much)) == sizeof(much));
	check(write(ends[1], much, sizeof(much)) == -2);
}

static void in_accept(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* one without a name */
	check(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	check(listen(fd, 1) == 0);
	check(accept(fd, NULL, NULL) == -2);
}

static void in_wait(void)
{
	check(waitpid(child, NULL, 0) == -2);
}

static void in_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK };

	check(fcntl(locked, F_SETLKW, &lock) == -2);
}

static void in_inotify(void)
{
	char events[400];

	check(read(inotify_init1(0), events, sizeof(events)) == -2);
}

static void in_queue(void)
{
	struct {
		long type;
		char text[8];
	} message;

	queue = msgget(IPC_PRIVATE, 0600);
	atexit(remove_queue);
	check(msgrcv(queue, &message, sizeof(message.text), 0, 0) == -2);
}

static void in_suspend(void)
{
	sigset_t all;

	sigfillset(&all);
	check(sigsuspend(&all) == -2);
}

static void in_semaphore(void)
{
	static sem_t never;

	check(sem_wait(&never) == -2);
}

/* --- who does it ---------------------------------------------------------------- */

static const struct mode {
	const char *name;
	void (*work)(void);
	int n_threads; /* besides the main one */
	int n_sleepers;
} modes[] = {
	{ "allocates", allocate, 2, 0 },
	{ "loads", load, 1, 0 },
	{ "makes-threads", make_threads, 1, 0 },
	{ "makes-processes", make_processes, 0, 0 },
	{ "computes", compute, 1, 0 },
	{ "queues-signals", queue_signals, 0, 0 },
	{ "switches-stacks", switch_stacks, 0, 0 },
	{ "waits", wait_for_long, sizeof(waits) / sizeof(*waits) - 1, 0 },
	{ "blocks", NULL, 0, 0 },
	{ "sleeps", NULL, 0, 128 },
};

static void *work_always(void *context)
{
	const struct mode *mode = context;

	for (;;)
		mode->work();
	return NULL;
}

static void *sleep_always(void *context)
{
	static sem_t never;

	(void)context;
	for (;;)
		check(sem_wait(&never) == 0);
	return NULL;
}

static void *call_for_ever(void *context)
{
	((void (*)(void))context)();
	return NULL;
}

static void block_all(void)
{
	static void (*const calls[])(void) = {
		in_read,    in_write, in_accept,  in_wait,      in_lock,
		in_inotify, in_queue, in_suspend, in_semaphore,
	};
	pthread_t thread;

	child = make_child();
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		pthread_create(&thread, NULL, call_for_ever, (void *)calls[i]);
}

static void answer(void)
{
	char line[100];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
	printf("value=%d broken=%ld rounds=%ld\n", step(), (long)broken,
	       (long)rounds);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct mode *mode = modes;
	pthread_t thread;

	while (argc > 1 && strcmp(mode->name, argv[1]) != 0)
		mode++;
	/* where only descendants may be traced (kernel.yama.ptrace_scope=1) */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (int i = 0; i < mode->n_threads; i++)
		pthread_create(&thread, NULL, work_always, (void *)mode);
	if (!strcmp(mode->name, "blocks"))
		block_all();
	for (int i = 0; i < mode->n_sleepers; i++)
		pthread_create(&thread, NULL, sleep_always, NULL);
	for (;;) {
		struct pollfd in = { 0, POLLIN, 0 };

		if (mode->work)
			mode->work();
		if (poll(&in, 1, mode->work ? 0 : -1) > 0)
			answer();
	}
}
