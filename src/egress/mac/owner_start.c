/* SPDX-License-Identifier: Apache-2.0 */
/* The start of the proxy and of its resolver on a Mac. Should: put each under a profile before it
 * begins, and hand over exactly the descriptors of slots.h. Must not: wait while they become ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"
#include "egress/mac/slots.h"
#include "egress/owner_parts.h"
#include "macos/apply/helper.h"
#include "macos/apply/spawn.h"
#include "macos/apply/system.h"
#include "macos/plan/proxy.h"
#include "macos/plan/seatbelt.h"
#include "supervise/waiter.h"

static const struct helper proxy = {"kastellan-egress", "KASTELLAN_EGRESS", "egress"};
static const struct helper names = {"kastellan-names", "KASTELLAN_NAMES", "egress"};

struct streams {
	int owner[2];
	int names[2];
	int complaints[2]; /* a pipe: from, to */
};

static int make_pair(int ends[2])
{
	const int bytes = EGRESS_MAC_BUFFER;
	int r = system_pair(ends);

	/* Where there is not as much, there is as much as there is. */
	for (int i = 0; r == 0 && i < 2; i++) {
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		setsockopt(ends[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	return r;
}

static int open_streams(struct streams *streams)
{
	int r;

	memset(streams, -1, sizeof(*streams));
	r = make_pair(streams->owner);
	if (r == 0)
		r = make_pair(streams->names);
	if (r == 0)
		r = pipe_make(streams->complaints);
	if (r == 0 && fcntl(streams->complaints[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	return r;
}

static void close_streams(struct streams *streams)
{
	for (int i = 0; i < 2; i++) {
		cleanup_close(&streams->owner[i]);
		cleanup_close(&streams->names[i]);
		cleanup_close(&streams->complaints[i]);
	}
}

/* fds: from 0 on. */
static int start_one(const struct helper *helper, const int *fds, size_t n_fds, pid_t *ret_pid,
	ks_error **reterr)
{
	static const char *const env[] = {NULL};
	autofree char *path = NULL;
	struct strv argv = {0};
	int r = helper_find(helper, &path, reterr);

	if (r == 0)
		r = proxy_command(path, &argv, reterr);
	if (r == 0) {
		r = spawn_alone(
			SANDBOX_EXEC, (const char *const *)argv.items, env, fds, n_fds, ret_pid);
		if (r < 0)
			helper_fail(helper, path, r, reterr);
	}
	strv_done(&argv);
	return r;
}

/* The resolver first: the proxy takes it for there. */
static int start_both(struct egress_owner *owner, const struct streams *streams, ks_error **reterr)
{
	const int for_names[] = {-1, -1, streams->complaints[1], streams->names[1]};
	const int for_proxy[] = {
		-1, -1, streams->complaints[1], streams->owner[1], streams->names[0]};
	int r = start_one(&names, for_names, 4, &owner->helper, reterr);

	return r < 0 ? r : start_one(&proxy, for_proxy, EGRESS_MAC_SLOTS, &owner->pid, reterr);
}

/* One descriptor for both, of which a Mac needs no timer. */
static int watch(struct egress_owner *owner, ks_error **reterr)
{
	struct waiter waiter = WAITER_NONE;
	int r = 0;

	owner->ended = system_end_fd(owner->pid);
	if (owner->ended < 0)
		r = owner->ended;
	if (r == 0)
		r = waiter_make(&waiter);
	if (r == 0)
		r = waiter_add(&waiter, owner->socket);
	if (r == 0)
		r = waiter_add(&waiter, owner->ended);
	if (r == 0)
		owner->watch = take_fd(&waiter.fd);
	waiter_close(&waiter);
	return r < 0 ? owner_fail(reterr, r, "cannot be watched", NULL) : 0;
}

int owner_start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	struct streams streams;
	int r = open_streams(&streams);

	(void)setup;
	r = r < 0 ? owner_fail(reterr, r, "cannot be talked to", NULL)
		  : start_both(owner, &streams, reterr);
	if (r == 0) {
		owner->socket = take_fd(&streams.owner[0]);
		owner->complaints = take_fd(&streams.complaints[0]);
	}
	close_streams(&streams);
	return r < 0 ? r : watch(owner, reterr);
}

void owner_kill(const struct egress_owner *owner)
{
	kill(owner->pid, SIGKILL);
}

void owner_end_helper(struct egress_owner *owner)
{
	if (!owner->helper)
		return;
	kill(owner->helper, SIGKILL);
	while (waitpid(owner->helper, NULL, 0) < 0 && errno == EINTR)
		;
	owner->helper = 0;
}
