/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose proxy is a pool's. It has a socket of its own to it, and all that a proxy of its
 * own would say comes by that. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "egress/owner_parts.h"
#include "linux/control_message.h"

#define LEAVE_MS 5000 /* for one that has others to serve, and lets this worker go between them */
#define GAVE_UP 0x100 /* as the wait status of a process that ends with 1 */

/* Its end is seen even where the socket says nothing more. */
static int watch(struct egress_owner *owner, ks_error **reterr)
{
	struct epoll_event event = {.events = EPOLLIN};

	owner->watch = epoll_create1(EPOLL_CLOEXEC);
	if (owner->watch < 0 || epoll_ctl(owner->watch, EPOLL_CTL_ADD, owner->socket, &event) < 0 ||
		epoll_ctl(owner->watch, EPOLL_CTL_ADD, egress_shared_fd(owner->shared), &event) < 0)
		return owner_fail(reterr, -errno, "cannot be watched", NULL);
	return 0;
}

int owner_enter(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return owner_fail(reterr, -errno, "cannot be talked to", NULL);
	owner->socket = pair[0];
	r = egress_pool_enter(setup, pair[1], &owner->shared, reterr);
	close(pair[1]);
	return r < 0 ? r : watch(owner, reterr);
}

/* A file is written at once, and a socket is never waited for. */
int owner_open_audit(int audit, int *ret_fd)
{
	char path[32];
	struct stat st;

	if (fstat(audit, &st) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", audit);
	*ret_fd = S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode)
			  ? fcntl(audit, F_DUPFD_CLOEXEC, 3)
			  : open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return *ret_fd < 0 ? -errno : 0;
}

/* A hang-up before its last words is the end of the process, unless it has said why: the kernel
 * tells of the socket first. */
bool owner_note_end(struct egress_owner *owner)
{
	struct egress_report *report = &owner->report;

	report->status = GAVE_UP;
	if (!owner->told_all && !owner->why &&
		!egress_shared_ended(owner->shared, &report->status, &report->memory))
		return false;
	report->died = !owner->told_to_stop || !owner->told_all;
	return true;
}

/* It closes the socket last. */
static bool lets_go(int socket)
{
	int64_t deadline = clock_ms() + LEAVE_MS;
	struct control_message message;
	int r;

	shutdown(socket, SHUT_WR);
	for (;;) {
		struct pollfd due = {.fd = socket, .events = POLLIN};
		int64_t left = deadline - clock_ms();

		while ((r = control_receive(socket, &message)) == 1)
			control_message_drop_fds(&message);
		if (r < 0)
			return true;
		if (left <= 0)
			return false;
		poll(&due, 1, (int)left);
	}
}

void owner_leave(struct egress_owner *owner)
{
	if (owner->socket >= 0 && !lets_go(owner->socket))
		egress_shared_condemn(owner->shared);
	drop_fd(&owner->socket);
	egress_shared_unref(owner->shared);
	owner->shared = NULL;
}
