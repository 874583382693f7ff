/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips to a warm worker, the same to the same worker without a jail, and acquisitions. */
#include "workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/strbuf.h"

#define ROUNDS 64 /* round trips of one sample: what the clock costs is not seen */
#define AWAIT_MS 20000

static ks_workers *warm, *single;

struct pipes {
	int in, out;
	int watch; /* epoll of out and of whatever else may end the wait; -1 = out alone is read */
};

static pid_t plain_pid = -1;
static struct pipes plain;
static ks_child *jailed;
static int jailed_watch = -1;

static void put_tool(struct strbuf *text, const struct request *request, const char *policy,
	const struct workers_wanted *wanted, unsigned number)
{
	strbuf_addf(text, "%s\"t%u\": {\"program\": \"%s\", \"sandbox_backend\": \"Native\", ",
		number ? ", " : "", number, request->program);
	strbuf_addf(text, "\"policy\": %s", policy);
	if (wanted->instances)
		strbuf_addf(text,
			", \"lifecycle\": {\"IdleTimeout\": {\"idle_seconds\": 0, "
			"\"instances\": %u}}",
			wanted->instances);
	strbuf_puts(text, "}");
}

static int load_tools(const struct request *request, const struct workers_wanted *wanted,
	ks_tools **ret_tools, ks_error **reterr)
{
	char *policy = NULL;
	struct strbuf text;
	int r = ks_policy_write(request->policy, &policy);

	if (r < 0)
		return r;
	strbuf_init(&text, 1 << 20);
	strbuf_puts(&text, "{\"tools\": {");
	for (unsigned i = 0; i < wanted->tools; i++)
		put_tool(&text, request, policy, wanted, i);
	strbuf_puts(&text, "}}");
	r = text.error ? text.error
		       : ks_tools_parse(text.data, text.len, "bench", ret_tools, reterr);
	strbuf_done(&text);
	free(policy);
	return r;
}

int workers_new(const struct bench *bench, const struct request *request,
	const struct workers_wanted *wanted, ks_workers **ret_workers, const char **ret_reason)
{
	const struct ks_workers_options options = {.size = sizeof(options),
		.jails_ahead = wanted->jails_ahead,
		.backoff_ms = wanted->backoff_ms,
		.max_backoff_ms = wanted->backoff_ms};
	ks_tools *tools = NULL;
	ks_error *error = NULL;
	int r = load_tools(request, wanted, &tools, &error);

	if (r == 0)
		r = ks_workers_new(bench->backends, tools, &options, ret_workers, &error);
	ks_tools_free(tools);
	return r < 0 ? jail_fail(r, error, "no manager of workers can be made", ret_reason) : 0;
}

int workers_await(ks_workers *workers, const char *tool, uint64_t jails, uint64_t idle)
{
	const struct timespec pause = {0, 200000};
	uint64_t end = bench_now() + (uint64_t)AWAIT_MS * 1000000;

	while (bench_now() < end) {
		struct ks_workers_status status = {.size = sizeof(status)};

		if (ks_workers_status(workers, tool, &status) < 0)
			return -ENOENT;
		if (status.jails_waiting >= jails && status.idle >= idle && !status.ending)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIME;
}

static int one_call(const char **ret_reason)
{
	ks_error *error = NULL;
	char *answer = NULL;
	int r = ks_workers_call(
		warm, "t0", WORKERS_REQUEST, strlen(WORKERS_REQUEST), NULL, &answer, NULL, &error);

	free(answer);
	return r < 0 ? jail_fail(r, error, "the call failed", ret_reason) : 0;
}

int run_warm(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	const struct workers_wanted wanted = {.tools = 1, .instances = 1};
	uint64_t start;
	int r = warm ? 0 : workers_new(bench, request, &wanted, &warm, ret_reason);

	/* The first one starts the worker. */
	if (r == 0)
		r = one_call(ret_reason);
	start = bench_now();
	for (int i = 0; r == 0 && i < ROUNDS; i++)
		r = one_call(ret_reason);
	ret_timing->spawn_ns = ret_timing->total_ns = (bench_now() - start) / ROUNDS;
	return r;
}

static int start_plain(const struct request *request)
{
	char *const argv[] = {(char *)request->program, NULL};
	char *const environment[] = {NULL};
	int in[2], out[2];

	if (pipe(in) < 0 || pipe(out) < 0)
		return -errno;
	plain_pid = fork();
	if (plain_pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execve(request->program, argv, environment);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	plain = (struct pipes){in[1], out[0], -1};
	return plain_pid < 0 ? -errno : 0;
}

/* To a worker that may be gone the manager writes without a signal. */
static ssize_t put_line(const struct pipes *pipes)
{
	static const char line[] = WORKERS_REQUEST "\n";
	const struct iovec part = {(char *)line, sizeof(line) - 1};
	ssize_t n = -1;

	if (pipes->watch >= 0)
		n = pwritev2(pipes->in, &part, 1, -1, 0x100); /* RWF_NOSIGNAL, from Linux 6.18 on */
	return n >= 0 ? n : write(pipes->in, line, sizeof(line) - 1);
}

static int one_trip(const struct pipes *pipes)
{
	struct epoll_event events[4];
	char bytes[512];
	ssize_t n = put_line(pipes);

	while (n > 0) {
		if (pipes->watch >= 0 && epoll_wait(pipes->watch, events, 4, -1) < 0)
			return -errno;
		n = read(pipes->out, bytes, sizeof(bytes));
		if (n > 0 && bytes[n - 1] == '\n')
			return 0;
	}
	return -EPIPE;
}

/* A write, and reads until the line has ended: less than any caller can do who wants to know what
 * he was told. */
static int trips(const struct pipes *pipes, struct timing *ret_timing, const char **ret_reason)
{
	int r = one_trip(pipes);
	uint64_t start = bench_now();

	for (int i = 0; r == 0 && i < ROUNDS; i++)
		r = one_trip(pipes);
	ret_timing->spawn_ns = ret_timing->total_ns = (bench_now() - start) / ROUNDS;
	*ret_reason = "the worker does not answer";
	return r;
}

int run_pipe(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	int r = plain_pid < 0 ? start_plain(request) : 0;

	(void)bench;
	*ret_reason = "the worker without a jail cannot be started";
	return r < 0 ? r : trips(&plain, ret_timing, ret_reason);
}

static int start_jailed(
	const struct bench *bench, const struct request *request, const char **ret_reason)
{
	const struct ks_run_options options = {.size = sizeof(options),
		.cwd = "/",
		.stdio = {KS_STDIO_PIPE, KS_STDIO_PIPE, KS_STDIO_PIPE}};
	int r = jailed ? 0 : jail_spawn(bench, request, &options, &jailed, ret_reason);

	if (r < 0 || jailed_watch >= 0)
		return r;
	*ret_reason = "the worker in its jail cannot be watched";
	jailed_watch = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		int fd = i ? ks_child_stdio(jailed, i) : ks_child_fd(jailed);
		struct epoll_event event = {.events = EPOLLIN};

		if (epoll_ctl(jailed_watch, EPOLL_CTL_ADD, fd, &event) < 0)
			return -errno;
	}
	return 0;
}

/* The same with the worker in a jail. */
int run_jailed_pipe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	int r = start_jailed(bench, request, ret_reason);

	return r < 0 ? r
		     : trips(&(struct pipes){ks_child_stdio(jailed, 0), ks_child_stdio(jailed, 1),
				     -1},
			       ret_timing, ret_reason);
}

/* And by a caller who waits for its end, its complaints and his own time beside its answer: what is
 * more than that is the manager's. */
int run_watched_pipe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	int r = start_jailed(bench, request, ret_reason);

	return r < 0 ? r
		     : trips(&(struct pipes){ks_child_stdio(jailed, 0), ks_child_stdio(jailed, 1),
				     jailed_watch},
			       ret_timing, ret_reason);
}

/* From a jail that waits, with the worker's end outside the time. */
int run_acquire(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	const struct workers_wanted wanted = {.tools = 1, .jails_ahead = 1};
	ks_error *error = NULL;
	ks_worker *worker = NULL;
	uint64_t start;
	int r = single ? 0 : workers_new(bench, request, &wanted, &single, ret_reason);

	if (r < 0)
		return r;
	*ret_reason = "no jail is built ahead";
	r = workers_await(single, "t0", 1, 0);
	if (r < 0)
		return r;
	start = bench_now();
	r = ks_workers_acquire(single, "t0", NULL, &worker, &error);
	ret_timing->spawn_ns = bench_now() - start;
	ks_worker_release(worker);
	if (r < 0)
		return jail_fail(r, error, "the acquisition failed", ret_reason);
	r = workers_await(single, "t0", 1, 0);
	ret_timing->total_ns = bench_now() - start;
	return r;
}

void workers_drop(void)
{
	ks_workers_free(warm);
	ks_workers_free(single);
	ks_child_free(jailed);
	warm = single = NULL;
	jailed = NULL;
	if (jailed_watch >= 0)
		close(jailed_watch);
	jailed_watch = -1;
	if (plain_pid < 0)
		return;
	close(plain.in);
	close(plain.out);
	waitpid(plain_pid, NULL, 0);
	plain_pid = -1;
}
