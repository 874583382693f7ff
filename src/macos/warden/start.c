/* SPDX-License-Identifier: Apache-2.0 */
/* From the order to a running program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "macos/apply/directory.h"
#include "macos/apply/patience.h"
#include "macos/apply/record.h"
#include "macos/apply/system.h"
#include "macos/warden/warden.h"
#include "supervise/waiter.h"

#define NAME 17 /* what the kernel keeps of a name, which may be one byte less */
#define NAME_KNOWN 15

/* What a child reports that does not become the program. */
struct misfortune {
	int step;
	int code;
};

static const char *const steps[] = {"session", "rlimit", "cwd", "helper"};
enum { STEP_SESSION, STEP_RLIMIT, STEP_CWD, STEP_HELPER };

/* A limit that is lower already stays. */
static int set_rlimit(const struct order_rlimit *wanted)
{
	struct rlimit limit;

	if (getrlimit((int)wanted->resource, &limit) < 0)
		return -errno;
	if (wanted->hard < limit.rlim_max)
		limit.rlim_max = wanted->hard;
	limit.rlim_cur = wanted->soft < limit.rlim_max ? wanted->soft : limit.rlim_max;
	return setrlimit((int)wanted->resource, &limit) < 0 ? -errno : 0;
}

/* In the child: returns only with what went wrong. */
static struct misfortune become(const struct warden *warden)
{
	const struct order *order = &warden->order;

	umask(022);
	if (setsid() < 0)
		return (struct misfortune){STEP_SESSION, errno};
	for (size_t i = 0; i < order->numbers.n_rlimits; i++) {
		int r = set_rlimit(&order->numbers.rlimits[i]);

		if (r < 0)
			return (struct misfortune){STEP_RLIMIT, -r};
	}
	if (chdir(order->cwd) < 0)
		return (struct misfortune){STEP_CWD, errno};
	return (struct misfortune){
		STEP_HELPER, -system_become(order->program, order->argv.items,
				     order->env.items ? order->env.items : (char *[]){NULL}, 3)};
}

/* The gate: not before the warden can hear of its end. */
static void be_worker(const struct warden *warden, const int gate[2], int report)
{
	struct misfortune misfortune;
	ssize_t n;
	char byte;

	close(gate[1]);
	do
		n = read(gate[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1) {
		misfortune = become(warden);
		if (write(report, &misfortune, sizeof(misfortune)) < 0)
			_exit(126);
	}
	_exit(127);
}

/* The streams are the worker's alone from now on: whoever reads them has to see their end. */
static void give_streams_up(struct warden *warden)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null > 2)
		close(null);
	(void)warden;
}

/* Puts a pipe in the place of stdin. */
static int make_relay(struct warden *warden)
{
	int ends[2];
	int r = pipe_make(ends);

	if (r < 0)
		return r;
	warden->relay.in = fcntl(0, F_DUPFD_CLOEXEC, WARDEN_RECORD + 1);
	warden->relay.out = ends[1];
	r = warden->relay.in < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0 || dup2(ends[0], 0) < 0
		    ? -errno
		    : 0;
	close(ends[0]);
	return r;
}

static int open_gate(struct warden *warden, int gate)
{
	const struct watch_limits limits = {.memory_bytes = warden->order.numbers.memory_bytes,
		.tasks = warden->order.numbers.tasks,
		.cpu_budget_usec = warden->order.numbers.cpu_budget_usec,
		.cpu_quota_pct = warden->order.numbers.cpu_quota_pct};
	int r = watch_begin(&warden->watch, &limits, warden->worker, clock_usec());

	if (r < 0)
		return r;
	warden->worker_end = system_end_fd(warden->worker);
	if (warden->worker_end < 0)
		return warden->worker_end;
	/* Whoever has to end it in our place has to find it. */
	r = record_write(
		WARDEN_RECORD, FOR_MACHINE(warden), warden->worker, warden->watch.root_born);
	if (r < 0)
		return r;
	return write(gate, "", 1) == 1 ? 0 : -EPIPE;
}

static int hear_misfortune(const struct warden *warden, int report, struct message *failure)
{
	struct misfortune misfortune;
	ssize_t n;

	do
		n = read(report, &misfortune, sizeof(misfortune));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(misfortune))
		return warden_fail(failure, "worker", EIO, NULL);
	return warden_fail(failure, steps[misfortune.step], misfortune.code,
		misfortune.step == STEP_CWD	 ? warden->order.cwd
		: misfortune.step == STEP_HELPER ? warden->order.program
						 : NULL);
}

static int fork_worker(struct warden *warden, struct message *failure)
{
	int gate[2] = {-1, -1};
	int report[2] = {-1, -1};
	int r = pipe_make(gate);

	if (r == 0)
		r = pipe_make(report);
	if (r == 0) {
		warden->worker = fork();
		if (warden->worker == 0)
			be_worker(warden, gate, report[1]);
		if (warden->worker < 0) {
			r = -errno;
			warden->worker = 0;
		}
	}
	drop_fd(&gate[0]);
	drop_fd(&report[1]);
	give_streams_up(warden);
	if (r == 0)
		r = open_gate(warden, gate[1]);
	/* A gate that is shut without a word is an order to leave. */
	drop_fd(&gate[1]);
	r = r < 0 ? warden_fail(failure, "worker", -r, NULL)
		  : hear_misfortune(warden, report[0], failure);
	drop_fd(&report[0]);
	return r;
}

static int write_file(const struct order *order, struct message *failure)
{
	autofd int fd = open(
		order->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : file_write_all(fd, order->file_text, strlen(order->file_text));

	return r < 0 ? warden_fail(failure, "env", -r, order->file) : 0;
}

/* Whether the process still has the name of the one that is to become the program. */
static bool is_helper(pid_t pid, const char *program)
{
	const char *base = strrchr(program, '/') + 1;
	char own[NAME] = "", name[NAME] = "";

	/* What cannot be told has not begun. */
	if (system_program_name(pid, name, sizeof(name)) < 0 ||
		system_program_name(getpid(), own, sizeof(own)) < 0)
		return true;
	return strncmp(name, base, NAME_KNOWN) == 0 || strcmp(name, own) == 0;
}

static bool has_begun(const struct warden *warden)
{
	return FOR_MACHINE(warden) ? machine_exists(warden)
				   : !is_helper(warden->worker, warden->order.program);
}

/* One that has ended without having become the program. Its own words are on the worker's stderr.
 */
static int never_began(struct warden *warden, struct message *failure)
{
	warden_reap(warden);
	if (FOR_MACHINE(warden))
		return warden_fail(failure, "machine", ENOEXEC, NULL);
	if (WIFEXITED(warden->status) && WEXITSTATUS(warden->status) == 65)
		return warden_fail(failure, "profile", EINVAL, NULL);
	if (WIFEXITED(warden->status) && WEXITSTATUS(warden->status) == 71)
		return warden_fail(failure, "exec", ENOEXEC, NULL);
	return warden_fail(failure, "worker", ECANCELED, NULL);
}

static int await_program(struct warden *warden, struct message *failure)
{
	unsigned pace = FOR_MACHINE(warden) ? 20 : 1;
	uint64_t end = clock_usec() + (FOR_MACHINE(warden) ? MACHINE_MS : PROGRAM_MS) * 1000ull;

	for (;;) {
		/* In this order: one that is seen to have begun may end meanwhile, and one that has
		 * ended keeps its last name. */
		bool ended = warden_has_ended(warden);
		bool begun = has_begun(warden);

		if (begun) {
			/* What has made the machine has read its environment. */
			if (*warden->order.file)
				unlink(warden->order.file);
			return 0;
		}
		if (ended)
			return never_began(warden, failure);
		if (warden_is_left(warden))
			return warden_fail(failure, "caller", ECANCELED, NULL);
		if (clock_usec() >= end)
			return warden_fail(
				failure, FOR_MACHINE(warden) ? "machine" : "exec", ETIMEDOUT, NULL);
		usleep(pace * 1000);
	}
}

/* Until the caller says that there is a proxy; whatever else comes is an end. */
static int await_proxy(const struct warden *warden, struct message *failure)
{
	const struct message waits = {.kind = MESSAGE_WAITS};
	struct pollfd fds[] = {{.fd = WARDEN_CONTROL, .events = POLLIN},
		{.fd = warden->parent_end, .events = POLLIN}};
	struct message word = {0};
	int r = message_send(WARDEN_CONTROL, &waits);

	while (r == 0 && poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			r = -errno;
	if (r == 0 && !fds[1].revents)
		r = message_receive(WARDEN_CONTROL, &word);
	return r == 0 && word.kind == MESSAGE_GO ? 0
						 : warden_fail(failure, "caller", ECANCELED, NULL);
}

int warden_start(struct warden *warden, struct message *failure)
{
	const struct order *order = &warden->order;
	int r = directory_make(order->directory);

	if (r < 0)
		return warden_fail(failure, "temporary", -r, order->directory);
	warden->began = true;
	if (*order->door) {
		r = directory_make(order->door);
		if (r < 0)
			return warden_fail(failure, "temporary", -r, order->door);
	}
	if (*order->file)
		r = write_file(order, failure);
	if (r == 0 && order->numbers.waits)
		r = await_proxy(warden, failure);
	if (r == 0 && FOR_MACHINE(warden)) {
		r = make_relay(warden);
		if (r < 0)
			warden_fail(failure, "stdio", -r, NULL);
	}
	if (r == 0)
		r = fork_worker(warden, failure);
	return r < 0 ? r : await_program(warden, failure);
}
