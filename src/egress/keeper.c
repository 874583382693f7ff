/* SPDX-License-Identifier: Apache-2.0 */
/* The group of a pool's proxy has no jail's monitor to remove it when this process is killed, as a
 * worker's has. It has one of its own: kastellan-init, told of the group before that exists. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "egress/shared.h"
#include "linux/control.h"
#include "linux/jail/announce.h"
#include "linux/jail/launch.h"
#include "linux/programs.h"

#define END_MS 12000 /* past what kastellan-init gives processes and groups to end */

static int fail(ks_error **reterr, int code)
{
	return error_set(reterr, code, ABOUT(.step = "egress"),
		"what removes the control group of the pool's proxy cannot be started: %s",
		strerror(-code));
}

static int launch(struct keeper *keeper, int theirs, ks_error **reterr)
{
	static const char *argv[] = {"kastellan-init", "groups", NULL};
	autofree struct launch *launch = NULL;
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	autofd int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	autofd int exe = -1;
	int r;

	if (null < 0 || self < 0)
		return fail(reterr, -errno);
	r = init_program_open(&exe, reterr);
	if (r < 0)
		return r;
	launch = calloc(1, sizeof(*launch));
	if (!launch)
		return error_oom(reterr);
	for (int i = 0; i < 3; i++)
		launch_add(launch, i, null);
	launch_add(launch, SLOT_MONITOR, theirs);
	launch_add(launch, SLOT_SUPERVISOR, self);
	launch_add(launch, SLOT_INIT_EXE, exe);
	launch->exe = SLOT_INIT_EXE;
	launch->argv = argv;
	r = launch_run(launch, &keeper->pid, &keeper->pidfd);
	return r < 0 ? fail(reterr, r) : 0;
}

int keeper_start(struct keeper *keeper, ks_error **reterr)
{
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(reterr, -errno);
	r = launch(keeper, pair[1], reterr);
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	else
		keeper->socket = pair[0];
	return r;
}

int keeper_tell(const struct keeper *keeper, const struct cgroup *group, ks_error **reterr)
{
	int r = announce_group(keeper->socket, group);

	return r < 0 ? fail(reterr, r) : 0;
}

void keeper_end(struct keeper *keeper, bool gone)
{
	struct pollfd ended = {.fd = keeper->pidfd, .events = POLLIN};

	if (!keeper->pid)
		return;
	if (gone)
		control_send(keeper->socket, CONTROL_GROUPS_GONE, 0, NULL, 0, NULL, 0);
	drop_fd(&keeper->socket);
	while (poll(&ended, 1, END_MS) < 0 && errno == EINTR)
		;
	if (!ended.revents)
		syscall(SYS_pidfd_send_signal, keeper->pidfd, SIGKILL, NULL, 0);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keeper->pid = 0;
	drop_fd(&keeper->pidfd);
}
