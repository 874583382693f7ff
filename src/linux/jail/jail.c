/* SPDX-License-Identifier: Apache-2.0 */
/* Following a jail to its end. The supervisor never waits for anything inside: it takes messages,
 * and trusts only what the kernel says (hang-ups, pidfds, the group's counters) for the decision
 * that everything is gone. */
#include "linux/jail/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/jail/leavings.h"
#include "linux/seccomp/seccomp_filters.h"
#include "vm/jail/vm_jail.h"

struct jail *jail_alloc(void)
{
	struct jail *jail = calloc(1, sizeof(*jail));

	if (!jail)
		return NULL;
	jail->monitor_pidfd = jail->monitor_socket = jail->init_socket = -1;
	jail->complaints = jail->terminal = jail->patience = -1;
	jail->egress_pair[0] = jail->egress_pair[1] = -1;
	jail->usage.cpu_usec = UINT64_MAX;
	jail->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (jail->epoll < 0) {
		free(jail);
		return NULL;
	}
	return jail;
}

int jail_fd(const struct jail *jail)
{
	return jail->epoll;
}

int jail_take_terminal(struct jail *jail)
{
	return jail->vm ? vm_jail_take_terminal(jail->vm) : take_fd(&jail->terminal);
}

static void take_denial(
	const struct jail *jail, const struct control_message *message, struct ending *ending)
{
	struct control_denied denied;

	if (message->len < sizeof(denied))
		return;
	memcpy(&denied, message->data, sizeof(denied));
	ending->denials++;
	ending->last_call = seccomp_syscall_name(jail->machine, message->header.value);
	if (!denied.is_main || ending->denied)
		return;
	ending->denied = true;
	ending->denied_call = ending->last_call;
}

static void take_exit(const struct control_message *message, struct ending *ending)
{
	struct control_usage usage;

	ending->have_status = true;
	ending->status = message->header.value;
	if (message->len < sizeof(usage))
		return;
	memcpy(&usage, message->data, sizeof(usage));
	/* The group knows better, where there is one; see jail_usage(). */
	ending->cpu_usec = usage.user_usec + usage.system_usec;
	ending->memory_peak_bytes = usage.max_rss_kib * 1024;
}

int jail_hear_init(struct jail *jail, struct control_message *ret)
{
	int r = jail->init_socket >= 0 ? control_receive(jail->init_socket, ret) : 0;

	if (r < 0)
		drop_fd(&jail->init_socket);
	return r == -EPIPE ? 0 : r;
}

/* 0 or -errno, as jail_hear_init(). */
static int drain_init(struct jail *jail, struct ending *ending)
{
	struct control_message message;
	int r;

	while ((r = jail_hear_init(jail, &message)) > 0) {
		control_message_drop_fds(&message);
		if (message.header.type == CONTROL_DENIED)
			take_denial(jail, &message, ending);
		else if (message.header.type == CONTROL_EXIT)
			take_exit(&message, ending);
	}
	return r;
}

static void drain_monitor(struct jail *jail)
{
	struct control_message message;
	int r;

	while (jail->monitor_socket >= 0) {
		r = control_receive(jail->monitor_socket, &message);
		if (r == 0)
			return;
		if (r < 0) {
			/* The monitor is gone, and the helper with it (it asked for that signal).
			 */
			drop_fd(&jail->monitor_socket);
			jail->helper_gone = true;
			return;
		}
		control_message_drop_fds(&message);
		if (message.header.type == CONTROL_HELPER_EXIT)
			jail->helper_gone = true;
	}
}

static void remember_usage(struct jail *jail)
{
	struct cgroup_usage usage;

	if (!jail->group || jail->group_removed || cgroup_usage(jail->group, &usage) < 0)
		return;
	jail->usage = (struct jail_usage){.cpu_usec = usage.cpu_usec,
		.memory_peak_bytes = usage.memory_peak_bytes,
		.tasks_peak = usage.tasks_peak,
		.oom_kills = usage.oom_kills,
		.tasks_refused = usage.tasks_refused};
}

void jail_usage(struct jail *jail, struct jail_usage *ret_usage)
{
	if (jail->vm) {
		vm_jail_usage(jail->vm, ret_usage);
		return;
	}
	remember_usage(jail);
	*ret_usage = jail->usage;
}

/* The end of a group is an event of its own, which nobody would take: whoever polls for the jail
 * while its proxy ends would be woken all the time. */
static void group_is_removed(struct jail *jail)
{
	uint32_t events;
	int fd = cgroup_event_fd(jail->group, &events);

	jail->group_removed = true;
	if (fd >= 0)
		epoll_ctl(jail->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Reads the last figures, then ends and removes the group. */
static int remove_group(struct jail *jail)
{
	int r;

	if (!jail->group || jail->group_removed)
		return 0;
	remember_usage(jail);
	r = cgroup_kill(jail->group);
	if (r == 0)
		r = cgroup_remove(jail->group);
	if (r == 0)
		group_is_removed(jail);
	return r;
}

/* Init has ended and reaped everything before it told the program's end, so that the group is empty
 * but for what escaped it, and then it stays until later. Now, while the kernel takes the jail's
 * namespaces apart. */
static void retire_group(struct jail *jail)
{
	if (jail->group && !jail->group_removed) {
		remember_usage(jail);
		if (cgroup_remove_empty(jail->group))
			group_is_removed(jail);
	}
}

/* With nothing left to remove the monitor need not wait for us to hang up. */
static void release_monitor(struct jail *jail)
{
	if (jail->released || !jail->retired || (jail->group && !jail->group_removed) ||
		jail->egress_group || jail->monitor_socket < 0)
		return;
	jail->released = true;
	if (control_send(jail->monitor_socket, CONTROL_GROUPS_GONE, 0, NULL, 0, NULL, 0) < 0)
		shutdown(jail->monitor_socket, SHUT_WR);
}

/* Of a jail that was built ahead: with its groups gone no process of the worker is left, and what
 * the kernel still takes apart when init ends need not be waited for by anybody. */
static bool is_over(const struct jail *jail)
{
	return jail->leaves && jail->released;
}

/* The monitor leaves by itself once its socket hangs up. */
static bool reap_monitor(struct jail *jail, int patience_ms)
{
	drop_fd(&jail->monitor_socket);
	if (!jail->monitor)
		return true;
	if (!leavings_ended(jail->monitor_pidfd, patience_ms))
		return false;
	while (waitpid(jail->monitor, &jail->monitor_status, 0) < 0 && errno == EINTR)
		;
	jail->monitor = 0;
	drop_fd(&jail->monitor_pidfd);
	return true;
}

static bool memory_event(struct jail *jail)
{
	uint64_t before = jail->usage.oom_kills;
	struct pollfd watched = {.fd = -1};
	uint32_t events;

	if (!jail->group || jail->group_removed)
		return false;
	watched.fd = cgroup_event_fd(jail->group, &events);
	watched.events = (short)events; /* EPOLLIN and EPOLLPRI are POLLIN and POLLPRI */
	if (watched.fd < 0 || poll(&watched, 1, 0) <= 0)
		return false;
	cgroup_event_clear(jail->group);
	remember_usage(jail);
	return jail->usage.oom_kills > before;
}

int jail_dispatch(struct jail *jail, struct ending *ending, bool *ret_memory, ks_error **reterr)
{
	int r;

	if (jail->vm)
		return vm_jail_dispatch(jail->vm, ending, ret_memory, reterr);
	*ret_memory = memory_event(jail);
	jail_dispatch_network(jail);
	r = drain_init(jail, ending);
	if (r == 0 && ending->have_status && !jail->retired) {
		jail->retired = true;
		retire_group(jail);
		jail_stop_network(jail);
	}
	release_monitor(jail);
	if (r == 0 && is_over(jail))
		return 1;
	drain_monitor(jail);
	/* What init sent last may have arrived between the two. */
	if (r == 0 && jail->helper_gone)
		r = drain_init(jail, ending);
	if (r < 0) {
		jail_kill(jail);
		return error_set(reterr, r, ABOUT(.step = "supervise"),
			"the jail cannot be heard any more, so it was ended: %s", strerror(-r));
	}
	if (!jail->helper_gone)
		return 0;
	if (jail->init_socket >= 0)
		return 0;
	r = remove_group(jail);
	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "teardown", .remedy = "see what still runs in the group with "
							    "its cgroup.procs, and "
							    "end it"),
			"the worker's control group cannot be removed: %s", strerror(-r));
	/* The monitor ends the proxy's group with itself, so the proxy has its time first. */
	jail_stop_network(jail);
	if (!jail_dispatch_network(jail) || !reap_monitor(jail, 0))
		return 0;
	if (WIFEXITED(jail->monitor_status) &&
		WEXITSTATUS(jail->monitor_status) == INIT_EXIT_ORPHANED)
		return error_set(reterr, -EBUSY,
			ABOUT(.step = "teardown",
				.remedy = "look for processes in state D, which wait for a device "
					  "or a file server"),
			"processes of the worker were killed and do not end");
	return 1;
}

int jail_signal(struct jail *jail, int signal)
{
	if (jail->vm)
		return vm_jail_signal(jail->vm, signal);
	if (jail->init_socket < 0)
		return -ESRCH;
	int r = control_send(jail->init_socket, CONTROL_SIGNAL, signal, NULL, 0, NULL, 0);

	return r == -EPIPE ? -ESRCH : r;
}

int jail_resize(struct jail *jail, uint16_t rows, uint16_t columns)
{
	struct spec_winsize size = {.rows = rows, .columns = columns};

	if (jail->vm)
		return vm_jail_resize(jail->vm, rows, columns);
	if (jail->init_socket < 0)
		return -ESRCH;
	return control_send(jail->init_socket, CONTROL_WINSIZE, 0, &size, sizeof(size), NULL, 0);
}

int jail_kill(struct jail *jail)
{
	if (jail->vm)
		return vm_jail_kill(jail->vm);
	if (jail->init_socket >= 0)
		control_send(jail->init_socket, CONTROL_KILL, 0, NULL, 0, NULL, 0);
	if (jail->group && !jail->group_removed) {
		remember_usage(jail);
		return cgroup_kill(jail->group);
	}
	return 0;
}

static void leave_monitor(struct jail *jail)
{
	drop_fd(&jail->monitor_socket);
	if (!jail->monitor || !leavings_add(jail->monitor_pidfd))
		return;
	jail->monitor = 0;
	jail->monitor_pidfd = -1;
}

void jail_free(struct jail *jail)
{
	if (!jail)
		return;
	vm_jail_free(jail->vm);
	jail_await_monitor(jail, NULL);
	/* A hang-up is the order to end everything, for init and for the monitor. */
	drop_fd(&jail->init_socket);
	if (is_over(jail))
		leave_monitor(jail);
	if (!reap_monitor(jail, MONITOR_PATIENCE_MS)) {
		syscall(SYS_pidfd_send_signal, jail->monitor_pidfd, SIGKILL, NULL, 0);
		reap_monitor(jail, -1);
	}
	remove_group(jail);
	cgroup_free(jail->group);
	jail_free_network(jail);
	drop_fd(&jail->complaints);
	drop_fd(&jail->terminal);
	drop_fd(&jail->epoll);
	drop_fd(&jail->monitor_pidfd);
	free(jail);
}

int jail_settle(bool wait, ks_error **reterr)
{
	leavings_reap(wait);
	if (!leavings_stuck())
		return 0;
	return error_set(reterr, -EBUSY,
		ABOUT(.step = "teardown",
			.remedy = "look for kastellan-init in state D, which waits for a device or "
				  "a file server"),
		"a jail whose worker has ended does not end itself");
}
