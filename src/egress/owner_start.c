/* SPDX-License-Identifier: Apache-2.0 */
/* The start of the proxy. Should: hand over exactly the descriptors of control.h. Must not: wait
 * while the proxy becomes ready. */
#include "egress/owner_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/jail/launch.h"
#include "linux/programs.h"

#define EXE_SLOT 6 /* the program itself; closed by its own exec or start */

struct pairs {
	int owner[2];
	int complaints[2]; /* a pipe: from, to */
};

static int open_pairs(struct pairs *pairs)
{
	memset(pairs, -1, sizeof(*pairs));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs->owner) < 0)
		return -errno;
	return pipe2(pairs->complaints, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

static void close_pairs(struct pairs *pairs)
{
	for (int i = 0; i < 2; i++) {
		cleanup_close(&pairs->owner[i]);
		cleanup_close(&pairs->complaints[i]);
	}
}

static int launch(struct egress_owner *owner, const struct egress_setup *setup, struct pairs *pairs,
	ks_error **reterr)
{
	static const char *argv[] = {"kastellan-egress", NULL};
	autofree struct launch *launch = NULL;
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	autofd int exe = -1, names = -1;
	int r;

	if (null < 0)
		return owner_fail(reterr, -errno, "cannot be prepared: /dev/null", NULL);
	r = egress_program_open(&exe, reterr);
	if (r == 0)
		r = names_program_open(&names, reterr);
	if (r < 0)
		return r;
	launch = calloc(1, sizeof(*launch));
	if (!launch)
		return error_oom(reterr);
	launch_add(launch, 0, null);
	launch_add(launch, 1, null);
	launch_add(launch, 2, pairs->complaints[1]);
	launch_add(launch, EGRESS_SLOT_OWNER, pairs->owner[1]);
	launch_add(launch, EGRESS_SLOT_JAIL, setup->jail ? *setup->jail : -1);
	launch_add(launch, EGRESS_SLOT_NAMES, names);
	launch_add(launch, EXE_SLOT, exe);
	launch->exe = EXE_SLOT;
	launch->argv = argv;
	r = launch_run(launch, &owner->pid, &owner->ended);
	return r < 0 ? owner_fail(reterr, r, "cannot be started", REINSTALL) : 0;
}

static int watch(struct egress_owner *owner, ks_error **reterr)
{
	struct epoll_event event = {.events = EPOLLIN};

	owner->watch = epoll_create1(EPOLL_CLOEXEC);
	if (owner->watch < 0 || epoll_ctl(owner->watch, EPOLL_CTL_ADD, owner->socket, &event) < 0 ||
		epoll_ctl(owner->watch, EPOLL_CTL_ADD, owner->ended, &event) < 0)
		return owner_fail(reterr, -errno, "cannot be watched", NULL);
	return 0;
}

int owner_start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	struct pairs pairs;
	int r = open_pairs(&pairs);

	r = r < 0 ? owner_fail(reterr, r, "cannot be talked to", NULL)
		  : launch(owner, setup, &pairs, reterr);
	if (r == 0) {
		owner->socket = take_fd(&pairs.owner[0]);
		owner->complaints = take_fd(&pairs.complaints[0]);
	}
	close_pairs(&pairs);
	return r < 0 ? r : watch(owner, reterr);
}

void owner_kill(const struct egress_owner *owner)
{
	syscall(SYS_pidfd_send_signal, owner->ended, SIGKILL, NULL, 0);
}

/* The resolver is the proxy's child, and ends with it. */
void owner_end_helper(struct egress_owner *owner)
{
	(void)owner;
}
