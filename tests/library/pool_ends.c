/* SPDX-License-Identifier: Apache-2.0 */
/* A pool whose parts are killed, stopped or short of something, and one that many threads use.
 *Built with ThreadSanitizer, too.
 *
 *	pool_ends BACKEND [FIELD,... [WORKERS]]   the fields may be degraded; so many of each thread
 */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_common.h"
#include "pool_memory.h"

#define PROXY "kastellan-egres" /* as the kernel cuts it */
#define INIT "kastellan-init"
#define THREADS 6

static int workers = 8;

static char wanted_group[64];
static int groups_found;

static int count_group(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	if (type == FTW_D && strncmp(path + where->base, wanted_group, strlen(wanted_group)) == 0)
		groups_found++;
	return 0;
}

/* Control groups that a process has made. */
static int groups_of(pid_t maker)
{
	snprintf(wanted_group, sizeof(wanted_group), "kastellan-%d-", (int)maker);
	groups_found = 0;
	nftw("/sys/fs/cgroup", count_group, 16, FTW_PHYS);
	return groups_found;
}

static int has_no_groups(void *data)
{
	return groups_of(*(pid_t *)data) == 0;
}

/* A worker that is there until its stdin ends, or none; then the process waits to be killed. */
static void be_supervisor(int with_worker, int tell)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child = NULL;
	pid_t told[3] = {0, 0, 0};
	char text[256], script[256];

	snprintf(script, sizeof(script), "%s; read z", reaches(0));
	if (start(pool, policy_of(0), script, 0, &child) < 0 || !says(child, PONG))
		_exit(1);
	children_named(PROXY, &told[0]);
	if (!with_worker) {
		finish(child, text);
		ks_child_free(child);
	}
	told[2] = children_named(INIT, &told[1]);
	if (write(tell, told, sizeof(told)) != sizeof(told))
		_exit(1);
	pause();
	_exit(0);
}

static int ends(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&ended, 1, 30000) == 1;
}

static int leaves_nothing(int with_worker)
{
	pid_t told[3], supervisor;
	int pair[2], proxy, init;

	CHECK(pipe(pair) == 0);
	supervisor = fork();
	if (supervisor == 0)
		be_supervisor(with_worker, pair[1]);
	close(pair[1]);
	CHECK(supervisor > 0 && read(pair[0], told, sizeof(told)) == sizeof(told));
	close(pair[0]);
	printf("# %d groups, %d kastellan-init\n", groups_of(supervisor), (int)told[2]);
	proxy = (int)syscall(SYS_pidfd_open, told[0], 0);
	init = told[2] ? (int)syscall(SYS_pidfd_open, told[1], 0) : -1;
	CHECK(kill(supervisor, SIGKILL) == 0 && waitpid(supervisor, NULL, 0) == supervisor);
	CHECK(ends(proxy) && (init < 0 || ends(init)));
	CHECK(wait_until(has_no_groups, &supervisor));
	close(proxy);
	if (init >= 0)
		close(init);
	return 1;
}

static int supervisor_is_killed(void)
{
	CHECK(leaves_nothing(1));
	CHECK(leaves_nothing(0));
	return 1;
}

struct spawn {
	ks_egress_pool *pool;
	ks_child *child;
	int result;
};

static void *spawn(void *data)
{
	struct spawn *spawn = data;

	spawn->result = start(spawn->pool, policy_of(0), "echo ran", 1, &spawn->child);
	return NULL;
}

static int has_new_init(void *data)
{
	pid_t pid;

	return children_named(INIT, &pid) > *(int *)data;
}

static int keeper_is_alone(void *data)
{
	return other_child(INIT, *(pid_t *)data) == 0;
}

struct process {
	pid_t pid;
	int descriptors;
};

static int has_as_many(void *data)
{
	const struct process *process = data;

	return descriptors_of(process->pid) == process->descriptors;
}

/* The proxy has been asked to take a worker, and cannot answer yet, when that is killed. */
static int killed_on_the_way_in(void)
{
	struct spawn spawned = {.pool = pool_new(NULL)};
	struct process proxy;
	pthread_t thread;
	ks_child *child = NULL;
	char text[256];
	pid_t keeper = 0, monitor;
	int before;

	CHECK(start(spawned.pool, policy_of(0), reaches(0), 0, &child) == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	before = children_named(INIT, &keeper);
	CHECK(children_named(PROXY, &proxy.pid) == 1);
	proxy.descriptors = descriptors_of(proxy.pid);
	CHECK(kill(proxy.pid, SIGSTOP) == 0);
	CHECK(pthread_create(&thread, NULL, spawn, &spawned) == 0);
	CHECK(wait_until(has_new_init, &before));
	monitor = other_child(INIT, keeper);
	CHECK(monitor > 0 && kill(monitor, SIGKILL) == 0);
	/* Before the proxy answers, or the program could run for a moment. */
	CHECK(wait_until(keeper_is_alone, &keeper) && kill(proxy.pid, SIGCONT) == 0);
	pthread_join(thread, NULL);
	CHECK(spawned.result < 0 && !spawned.child);
	CHECK(wait_until(has_as_many, &proxy));
	CHECK(start(spawned.pool, policy_of(0), reaches(0), 0, &child) == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	ks_egress_pool_free(spawned.pool);
	return 1;
}

/* Of the proxy's descriptors there are not enough for the worker's connections, or there are. */
static int spawns_with(uint64_t connections, int files)
{
	const struct rlimit limit = {(rlim_t)files, (rlim_t)files};
	ks_egress_pool *pool = pool_new(NULL);
	ks_policy *policy = policy_of(0);
	ks_child *child = NULL;
	char text[256];
	int r;

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		ks_policy_set_egress_connections(policy, connections, NULL) < 0)
		return -1;
	r = start(pool, policy, reaches(0), 1, &child);
	if (r == 0 && strcmp(finish(child, text), PONG) != 0)
		r = -1;
	ks_child_free(child);
	ks_egress_pool_free(pool);
	return r;
}

static int short_of_descriptors(void)
{
	static const struct {
		uint64_t connections;
		int expected;
	} cases[] = {{8, 0}, {256, -EUSERS}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			_exit(spawns_with(cases[i].connections, 700) == cases[i].expected ? 0 : 1);
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	}
	return 1;
}

/* A proxy that does not answer keeps nobody for ever: it is ended, and what it held with it. */
static int does_not_answer(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child = NULL;
	char text[256];
	pid_t proxy, next;

	CHECK(start(pool, policy_of(0), "read z", 0, &child) == 0);
	CHECK(children_named(PROXY, &proxy) == 1 && kill(proxy, SIGSTOP) == 0);
	finish(child, text);
	CHECK(strcmp(ks_outcome_proxy_death(ks_child_outcome(child)), "hung") == 0);
	ks_child_free(child);
	CHECK(start(pool, policy_of(0), reaches(0), 0, &child) == 0);
	CHECK(children_named(PROXY, &next) == 1 && next != proxy);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	ks_egress_pool_free(pool);
	return 1;
}

static int has_run_out(void *data)
{
	(void)data;
	memory_leave(65536);
	return other_child(PROXY, 0) == 0;
}

static int died_for_memory(ks_child *child)
{
	const char *death = ks_outcome_proxy_death(ks_child_outcome(child));

	return death && strcmp(death, "memory") == 0;
}

/* The limit is the pool's: whoever makes the proxy pass it, all of its workers are told. */
static int memory_runs_out(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *other = NULL, *busy = NULL;
	ks_policy *policy = policy_of(0);
	char script[512], text[256];
	pid_t proxy;

	snprintf(script, sizeof(script),
		"%s; exec 2>/dev/null; read z; for i in {1..250}; do (exec "
		"5<>/dev/tcp/192.0.2.1/%u; "
		"echo a >&5; read y <&5; read y <&5) & done; "
		"while (exec 5<>/dev/tcp/192.0.2.1/%u); do :; done; wait",
		reaches(0), port, port);
	CHECK(ks_policy_set_tasks_max(policy, 400, NULL) == 0);
	CHECK(ks_policy_set_mem_mb(policy, 1000, NULL) == 0);
	CHECK(ks_policy_set_cpu_ms(policy, 0, NULL) == 0);
	CHECK(start(pool, policy, script, 0, &busy) == 0 && says(busy, PONG));
	CHECK(start(pool, policy_of(1), "read z", 0, &other) == 0);
	CHECK(children_named(PROXY, &proxy) == 1);
	if (memory_find(proxy)) {
		close(ks_child_take_stdio(busy, 0));
		CHECK(wait_until(has_run_out, NULL));
		finish(busy, text);
		finish(other, text);
		CHECK(died_for_memory(busy) && died_for_memory(other));
	} else {
		/* As no worker has a group, of a caller who may make none. */
		CHECK(groups_of(getpid()) == 0);
	}
	ks_child_free(busy);
	ks_child_free(other);
	ks_egress_pool_free(pool);
	return 1;
}

struct shared {
	ks_egress_pool *pool;
	char script[SERVICES][256];
};

static void *many(void *data)
{
	const struct shared *shared = data;
	long bad = 0;

	for (int i = 0; i < workers; i++) {
		ks_child *child = NULL;
		char text[256];

		if (start(shared->pool, policy_of(i % SERVICES), shared->script[i % SERVICES], 0,
			    &child) < 0 ||
			strcmp(finish(child, text), PONG) != 0 ||
			ks_outcome_connections(ks_child_outcome(child)) != 1 ||
			ks_outcome_connections_denied(ks_child_outcome(child)) != 0)
			bad++;
		ks_child_free(child);
	}
	return (void *)bad;
}

static int many_threads(void)
{
	struct shared shared = {.pool = pool_new(NULL)};
	pthread_t threads[THREADS];
	long bad = 0;
	pid_t proxy;

	for (int i = 0; i < SERVICES; i++)
		snprintf(shared.script[i], sizeof(shared.script[i]), "%s", reaches(i));
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, many, &shared) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		bad += (long)result;
	}
	printf("# %d of %d workers went wrong\n", (int)bad, THREADS * workers);
	CHECK(bad == 0 && children_named(PROXY, &proxy) == 1);
	ks_egress_pool_free(shared.pool);
	CHECK(children_named(PROXY, &proxy) == 0);
	return 1;
}

int main(int argc, char **argv)
{
	const int all = argc > 3;

	if (all)
		workers = (int)strtol(argv[3], NULL, 10);
	if (suite_begin("pool's ends", all ? 3 : argc, argv) < 0 || services_start() < 0)
		return 2;
	alarm(240 + (unsigned)workers);
	test("many threads use it at once", many_threads);
	test("of a supervisor that is killed nothing is left", supervisor_is_killed);
	test("a worker that is killed on its way in leaves nothing", killed_on_the_way_in);
	test("without descriptors for its connections a worker is not started",
		short_of_descriptors);
	test("where its memory runs out, each of its workers is told", memory_runs_out);
	if (all)
		test("a proxy that does not answer is ended", does_not_answer);
	return suite_end();
}
