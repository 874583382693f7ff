/* SPDX-License-Identifier: Apache-2.0 */
/* From the monitor's clone to the jail's init. It should: take the grants as mounts while it may,
 * make the namespaces, build the root from within as the worker's user, tie its life to
 * the monitor's. It must not: let the monitor's descriptors into the jail, look up the name of a
 * grant without comparing what it finds, or go on when anything fails.
 *
 * The child runs on as init in the program that it is: no other one has to be in reach of it. */
#include "linux/init/native.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/favour.h"
#include "linux/init/message.h"
#include "linux/init/native_parts.h"
#include "linux/init/network.h"
#include "linux/init/pid1.h"
#include "linux/init/stage.h"

/* All but the network's, for which see native_beside.c. */
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* What the child needs of the monitor. */
struct start {
	struct spec *spec;
	struct spec_ids outside; /* the caller's, where it has no others */
	int report;
	char *role; /* "monitor", or longer than "init" in any case */
};

static int become_user(const struct start *start, struct failure *failure)
{
	char word;

	if (!start->spec->kernel_ids)
		return ids_map_self(start->spec->ids, start->outside, failure);
	/* Until the monitor has mapped them there is nothing to become. */
	if (recv(start->report, &word, 1, 0) != 1)
		return failure_set(failure, ECANCELED, "map", "the monitor has given up");
	return ids_take(start->spec, failure);
}

static int follow_monitor(const struct start *start, struct failure *failure)
{
	struct pollfd monitor = {.fd = start->report};

	/* A change of ids clears it, so it comes after. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failure_set(failure, errno, "namespaces", "PR_SET_PDEATHSIG");
	/* It cannot be seen as a parent from here. */
	if (poll(&monitor, 1, 0) < 0 || monitor.revents & POLLHUP)
		return failure_set(failure, ESRCH, "namespaces", "the monitor is gone");
	return 0;
}

/* Whatever comes first: the kernel takes its time to let the old root go, and for a network. What
 * the egress proxy is told of is made by the host's /proc. */
static int enter_all(
	const struct spec *spec, const struct native_root *root, struct failure *failure)
{
	bool network_first = spec->ports || root->proc < 0;
	int r = network_first ? native_beside_join_network(failure) : 0;

	if (r == 0)
		r = root_enter(root, failure);
	return r == 0 && !network_first ? native_beside_join_network(failure) : r;
}

static int make_jail(const struct start *start, struct failure *failure)
{
	const char *hostname = start->spec->hostname;
	struct native_root root;
	int r = native_beside_start(start->spec, failure);

	if (r == 0)
		r = favour_renounce_sparing(failure);
	if (r == 0)
		r = become_user(start, failure);
	if (r == 0)
		r = follow_monitor(start, failure);
	if (r < 0)
		return r;
	umask(022);
	if (setsid() < 0)
		return failure_set(failure, errno, "session", "setsid");
	if (sethostname(hostname, strlen(hostname)) < 0)
		return failure_set(failure, errno, "namespaces", "sethostname");
	r = root_build(start->spec, &root, failure);
	return r < 0 ? r : enter_all(start->spec, &root, failure);
}

static void __attribute__((noreturn)) child(const struct start *start)
{
	struct failure failure;

	if (make_jail(start, &failure) < 0) {
		failure_send(start->report, CONTROL_FAILED, &failure);
		_exit(INIT_EXIT_FAILED);
	}
	/* To be closed with our end alone, as the monitor would be woken to find that all is well;
	 * and its own end is seen by it. */
	if (dup3(start->report, SLOT_MONITOR_PROCESS, O_CLOEXEC) < 0)
		_exit(INIT_EXIT_FAILED);
	close(start->report);
	memset(start->role, 0, strlen(start->role));
	memcpy(start->role, "init", 4);
	_exit(pid1_main(start->spec, NULL));
}

static int prepare(const struct spec *spec, unsigned n_grants, struct failure *failure)
{
	size_t cursor = 0;

	if (!spec->ids)
		return failure_set(failure, EBADMSG, "spec", "no ids");
	if (!spec->kernel_ids && spec_next(spec, SPEC_STAGE, &cursor))
		return failure_set(failure, EBADMSG, "stage", "without kernel ids");
	if (!spec->kernel_ids)
		return 0;
	/* The child is to have none, and may not drop them once its maps are written. The monitor
	 * does not need them. */
	if (setgroups(0, NULL) < 0)
		return failure_set(failure, errno, "ids", "setgroups");
	return stage_clone_grants(spec, n_grants, failure);
}

static int clone_child(const struct start *start, struct native *native, int other_end)
{
	pid_t pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		close(other_end);
		for (size_t i = 0; i < sizeof(native->monitor_fds) / sizeof(native->monitor_fds[0]);
			i++)
			close(native->monitor_fds[i]);
		child(start);
	}
	return pid < 0 ? -errno : pid;
}

static int map_child(const struct spec *spec, struct native *native, struct failure *failure)
{
	int r = ids_map_child(native->pid, spec, failure);

	if (r == 0 && send(native->report, "", 1, MSG_NOSIGNAL) != 1)
		r = failure_set(failure, errno, "map", "the child is gone");
	if (r < 0)
		kill(native->pid, SIGKILL);
	return r;
}

int native_start(
	struct spec *spec, unsigned n_grants, struct native *native, struct failure *failure)
{
	struct start start = {
		.spec = spec, .role = native->role, .outside = {geteuid(), getegid()}};
	int pair[2];
	int r;

	native->pid = 0;
	native->report = -1;
	/* For as long as others are made: a user namespace of a process that is not dumpable
	 * belongs to root alone, and so do its maps. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = prepare(spec, n_grants, failure);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, "monitor", "socketpair");
	start.report = pair[1];
	native->report = pair[0];
	r = clone_child(&start, native, pair[0]);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	close(pair[1]);
	if (r < 0)
		return failure_set(failure, -r, "namespaces", "clone");
	native->pid = r;
	return spec->kernel_ids ? map_child(spec, native, failure) : 0;
}
