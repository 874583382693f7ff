/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor should: start the helper or make the jail, outlive the supervisor, then end every
 * process of the jail and remove its control groups. It must not: depend on anybody's cooperation,
 * be reachable by a signal other than SIGKILL, keep a descriptor that belongs to the jail, or be a
 * member of what it ends. It is the subreaper of the jail: once it has no child left, no process of
 * the jail is left, as a pid namespace's first process is reaped last. */
#include "linux/init/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "linux/control.h"
#include "linux/init/groups.h"
#include "linux/init/helper.h"
#include "linux/init/message.h"
#include "linux/init/native.h"
#include "linux/init/plain.h"
#include "linux/init/process.h"
#include "linux/init/spec_read.h"
#include "linux/init/userns.h"
#include "linux/control_message.h"

/* How long the end of processes and groups is waited for. A big worker takes its time to give its
 * memory back, and nobody else would remove its groups. */
#define END_PATIENCE_MS 10000

struct monitor {
	char *role;
	int signals;
	int report; /* the helper's failure before its exec, or its end; -1 afterwards */
	pid_t helper;
	int helper_status;
	bool helper_ended;
	bool told;
};

static struct spec spec;
static struct groups groups;

static void settle(void)
{
	signals_settle();
	setsid();
	/* Nobody of the same user gets at the monitor's memory and descriptors. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Where nothing is pinned; a root that its owner alone may enter is pinned anyway. */
	if (chdir("/") < 0)
		return;
}

static int start_helper(struct monitor *monitor, unsigned n_grants, struct failure *failure)
{
	int pair[2];
	pid_t parent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, "monitor", "socketpair");
	monitor->helper = fork();
	if (monitor->helper == 0) {
		close(pair[0]);
		helper_run(&spec, n_grants, pair[1], parent);
	}
	close(pair[1]);
	monitor->report = pair[0];
	if (monitor->helper < 0) {
		monitor->helper = 0;
		return failure_set(failure, errno, "monitor", "fork");
	}
	return 0;
}

typedef int start_function(
	struct spec *spec, unsigned n_grants, struct native *native, struct failure *failure);

static int start_itself(
	struct monitor *monitor, start_function *start, unsigned n_grants, struct failure *failure)
{
	struct native native = {.role = monitor->role,
		.monitor_fds = {SLOT_MONITOR, SLOT_SUPERVISOR, monitor->signals}};
	int r = start(&spec, n_grants, &native, failure);

	monitor->helper = native.pid;
	monitor->report = native.report;
	return r;
}

static int start(struct monitor *monitor, unsigned n_grants, struct failure *failure)
{
	int r;

	/* Before the fork: the children learn of it when they are made. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return failure_set(failure, errno, "monitor", "subreaper");
	monitor->signals = signals_open();
	if (monitor->signals < 0)
		return failure_set(failure, -monitor->signals, "monitor", "signalfd");
	r = spec_load(SLOT_SPEC, &spec, failure);
	if (r < 0)
		return r;
	if (!!spec.hostname + !!spec.n_helper + !!spec.temporary != 1)
		return failure_set(failure, EBADMSG, "spec",
			"not one of a helper, a host name and a temporary directory");
	if (spec.temporary)
		return start_itself(monitor, plain_start, n_grants, failure);
	return spec.hostname ? start_itself(monitor, native_start, n_grants, failure)
			     : start_helper(monitor, n_grants, failure);
}

/* The pipe of complaints and init's socket end with the helper and init, so the monitor must let go
 * of them. */
static int let_go(const struct monitor *monitor, struct failure *failure)
{
	const int keep[] = {SLOT_MONITOR, SLOT_SUPERVISOR, monitor->signals, monitor->report};

	int r = dup2(STDIN_FILENO, STDERR_FILENO) < 0 ? -errno : 0;

	if (r == 0)
		r = close_others(keep, sizeof(keep) / sizeof(keep[0]));
	return r < 0 ? failure_set(failure, -r, "monitor", "letting descriptors go") : 0;
}

/* True when no child is left. */
static bool reap(struct monitor *monitor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid != monitor->helper)
			continue;
		monitor->helper_status = status;
		monitor->helper_ended = true;
	}
	return pid < 0 && errno == ECHILD;
}

/* False when the supervisor cannot be told: our own end tells it then. */
static bool on_child(struct monitor *monitor)
{
	bool empty;

	signals_drain(monitor->signals);
	empty = reap(monitor);
	if (!monitor->helper_ended || monitor->told)
		return true;
	if (!empty) {
		/* Init lost its parent and has been told to die; this is for the moment before it
		 * could ask for that. */
		children_kill();
		return true;
	}
	monitor->told = true;
	return control_send(SLOT_MONITOR, CONTROL_HELPER_EXIT, monitor->helper_status, NULL, 0,
		       NULL, 0) == 0;
}

static void on_report(struct monitor *monitor)
{
	struct control_message message;
	int r = control_receive(monitor->report, &message);

	if (r == 0)
		return;
	if (r == 1)
		control_send(SLOT_MONITOR, CONTROL_MONITOR_FAILED, message.header.value,
			message.data, message.len, NULL, 0);
	close(monitor->report);
	monitor->report = -1;
}

/* False when the supervisor is gone, has nothing more to say, or talks nonsense. */
static bool on_supervisor(void)
{
	struct control_message message;
	struct failure failure;
	int r;

	while ((r = control_receive(SLOT_MONITOR, &message)) == 1) {
		control_message_drop_fds(&message);
		/* They are gone already: nobody else need try. */
		if (message.header.type == CONTROL_GROUPS_GONE) {
			groups.len = 0;
			return false;
		}
		if (message.header.type != CONTROL_GROUP ||
			groups_add(&groups, message.data, message.len) < 0) {
			failure_set(&failure, EINVAL, "monitor", "a group that cannot be kept");
			failure_send(SLOT_MONITOR, CONTROL_MONITOR_FAILED, &failure);
			return false;
		}
	}
	return r == 0;
}

static void wait_for_the_end(struct monitor *monitor)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = SLOT_SUPERVISOR, .events = POLLIN},
			{.fd = SLOT_MONITOR, .events = POLLIN},
			{.fd = monitor->report, .events = POLLIN},
			{.fd = monitor->signals, .events = POLLIN},
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0)
			continue;
		if (fds[1].revents && !on_supervisor())
			return;
		/* What the supervisor still said before it died has been read above. */
		if (fds[0].revents)
			return;
		if (fds[2].revents)
			on_report(monitor);
		if (fds[3].revents && !on_child(monitor))
			return;
	}
}

static void rest(const struct monitor *monitor, int pause_ms)
{
	struct pollfd child = {.fd = monitor->signals, .events = POLLIN};

	if (poll(&child, 1, pause_ms) > 0)
		signals_drain(monitor->signals);
}

/* False when something would not end. */
static bool end_all(struct monitor *monitor)
{
	int64_t deadline = clock_ms() + END_PATIENCE_MS;
	int pause_ms = 1;

	for (;;) {
		bool reaped = reap(monitor);
		bool removed;

		/* The helper first: init dies with its parent, and all of the jail with init. */
		if (!reaped)
			children_kill();
		removed = groups_remove(&groups);
		if (!removed)
			groups_kill(&groups);
		if ((reaped && removed) || clock_ms() >= deadline)
			return reaped;
		/* A child's end is told; that a group has become empty is not. */
		rest(monitor, pause_ms);
		if (pause_ms < 50)
			pause_ms *= 2;
	}
}

int monitor_main(char *role)
{
	struct monitor monitor = {.role = role, .signals = -1, .report = -1};
	struct failure failure;
	unsigned n_grants;
	bool failed;

	settle();
	/* Counted while no descriptor of our own can be mistaken for one. */
	n_grants = helper_count_grants();
	failed = start(&monitor, n_grants, &failure) < 0;
	/* A jail whose end nobody would see has no start. */
	if (let_go(&monitor, &failure) < 0) {
		failed = true;
		children_kill();
		/* Init may have started the program by then. That it has ended, the supervisor
		 * knows by its socket, of which nobody else may have a copy. */
		close(SLOT_INIT);
	}
	/* Of its end no signal tells: if it outlived init, init's end would never be the last. */
	userns_wait();
	if (failed)
		failure_send(SLOT_MONITOR, CONTROL_MONITOR_FAILED, &failure);
	/* Also after a failure: groups may have been entrusted to us. */
	wait_for_the_end(&monitor);
	if (!end_all(&monitor))
		return INIT_EXIT_ORPHANED;
	if (spec.temporary)
		plain_clean(&spec);
	return failed ? INIT_EXIT_FAILED : INIT_EXIT_DONE;
}

int monitor_groups_main(void)
{
	struct monitor monitor = {.signals = -1, .report = -1};
	struct failure failure;

	settle();
	monitor.signals = signals_open();
	if (monitor.signals < 0 || let_go(&monitor, &failure) < 0)
		return INIT_EXIT_FAILED;
	wait_for_the_end(&monitor);
	end_all(&monitor);
	return INIT_EXIT_DONE;
}
