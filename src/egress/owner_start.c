/* SPDX-License-Identifier: Apache-2.0 */
/* The start of the proxy. Should: hand over exactly the descriptors of control.h. Must not: wait
 * while the proxy becomes ready. */
#include "egress/owner_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/control_message.h"
#include "linux/jail/launch.h"
#include "linux/programs.h"

#define EXE_SLOT 5 /* the program itself; closed by its own exec or start */

static int fail(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(reterr, code, ABOUT(.step = "egress", .remedy = remedy),
		"the egress proxy %s: %s", what, strerror(-code));
}

static int send_config(struct egress_owner *owner, const struct egress_setup *setup)
{
	struct egress_config config = setup->config;
	int fds[1 + EGRESS_MAX_GROUPS];
	size_t n_fds = 0;

	if (setup->n_groups > EGRESS_MAX_GROUPS)
		return -E2BIG;
	config.version = EGRESS_VERSION;
	config.groups = (uint32_t)setup->n_groups;
	if (setup->audit >= 0) {
		config.flags |= EGRESS_FLAG_AUDIT;
		fds[n_fds++] = setup->audit;
	}
	for (size_t i = 0; i < setup->n_groups; i++)
		fds[n_fds++] = setup->groups[i];
	return control_send(owner->socket, EGRESS_CONFIG, 0, &config, sizeof(config), fds, n_fds);
}

static int send_entries(struct egress_owner *owner, const struct egress_setup *setup)
{
	char text[CONTROL_MAX - sizeof(struct control_header)];
	size_t used = 0;

	for (size_t i = 0; i < setup->n_entries; i++) {
		size_t len = strlen(setup->entries[i]) + 1;
		int r = 0;

		if (len > sizeof(text))
			return -E2BIG;
		if (len > sizeof(text) - used) {
			r = control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0);
			used = 0;
		}
		if (r < 0)
			return r;
		memcpy(text + used, setup->entries[i], len);
		used += len;
	}
	return used ? control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0) : 0;
}

static int send_sockets(struct egress_owner *owner, const struct egress_setup *setup)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < setup->n_sockets; i++) {
		uint32_t kind = setup->kinds[i];

		r = control_send(owner->socket, EGRESS_SOCKETS, 0, &kind, sizeof(kind),
			&setup->sockets[i], 1);
	}
	return r;
}

/* The socket has room for all of it, so that nobody waits for the proxy to read. */
int egress_tell(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	int r = send_config(owner, setup);

	if (r == 0)
		r = send_entries(owner, setup);
	if (r == 0)
		r = send_sockets(owner, setup);
	if (r == 0)
		r = control_send(owner->socket, EGRESS_START, 0, NULL, 0, NULL, 0);
	/* One that is gone already has said why, or is found out below. */
	if (r == 0 || r == -EPIPE)
		return 0;
	return fail(reterr, r, "cannot be told what it may do", NULL);
}

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
	autofd int exe = -1;
	int r;

	if (null < 0)
		return fail(reterr, -errno, "cannot be prepared: /dev/null", NULL);
	r = egress_program_open(&exe, reterr);
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
	launch_add(launch, EXE_SLOT, exe);
	launch->exe = EXE_SLOT;
	launch->argv = argv;
	r = launch_run(launch, &owner->pid, &owner->pidfd);
	return r < 0 ? fail(reterr, r, "cannot be started", REINSTALL) : 0;
}

static int watch(struct egress_owner *owner, ks_error **reterr)
{
	struct epoll_event event = {.events = EPOLLIN};

	owner->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (owner->epoll < 0 || epoll_ctl(owner->epoll, EPOLL_CTL_ADD, owner->socket, &event) < 0 ||
		epoll_ctl(owner->epoll, EPOLL_CTL_ADD, owner->pidfd, &event) < 0)
		return fail(reterr, -errno, "cannot be watched", NULL);
	return 0;
}

int owner_start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	struct pairs pairs;
	int r = open_pairs(&pairs);

	r = r < 0 ? fail(reterr, r, "cannot be talked to", NULL)
		  : launch(owner, setup, &pairs, reterr);
	if (r == 0) {
		owner->socket = take_fd(&pairs.owner[0]);
		owner->complaints = take_fd(&pairs.complaints[0]);
	}
	close_pairs(&pairs);
	return r < 0 ? r : watch(owner, reterr);
}
