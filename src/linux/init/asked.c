/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, for kernels whose Landlock does not hold them. Everything that is decided about is in
 * the call's registers, or copied before it is looked at, so that nobody can change it afterwards.
 *
 * A signal to the caller itself is let go on: the process cannot be another one while it waits. One
 * to somebody else in the jail is sent by init, to a process that was held before it was known to
 * be one of the jail. */
#include "linux/init/asked.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/process.h"

#define GO_ON 1 /* of the answers that are neither 0 nor -errno */
#define MAX_ANCESTORS 65536

bool asked_waits(int listener, const struct seccomp_notif *call)
{
	int r;

	do
		r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id);
	while (r < 0 && errno == EINTR);
	return r == 0;
}

static bool about_signals(int nr)
{
	return nr == SYS_kill || nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_rt_sigqueueinfo ||
	       nr == SYS_rt_tgsigqueueinfo;
}

bool asked_knows(const struct seccomp_notif *call)
{
	return about_signals(call->data.nr) || asked_about_files(call->data.nr);
}

/* All orphans of the jail fall to init, so that everybody in it descends from init. */
static bool in_jail(pid_t pid)
{
	const pid_t self = getpid();

	for (unsigned i = 0; i < MAX_ANCESTORS && pid > 1; i++) {
		pid = (pid_t)process_status(pid, "PPid");
		if (pid == self)
			return true;
	}
	return false;
}

/* Sends it to a process of the jail, or to the group that such a one leads. */
static int send_to(pid_t pid, int number, bool group)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = 0;

	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	if (!in_jail(pid))
		r = -EPERM;
	else if (group && getpgid(pid) != pid)
		r = -ESRCH;
	else if (group)
		r = kill(-pid, number) < 0 ? -errno : 0;
	else if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0)
		r = -errno;
	close(pidfd);
	return r;
}

static int kill_for(pid_t caller, pid_t pid, int number)
{
	if (pid == caller || (pid < -1 && getpgid(caller) == -pid))
		return GO_ON;
	/* Everybody that the user may reach: the host's, too. */
	if (pid == -1)
		return -EPERM;
	return pid > 0 ? send_to(pid, number, false) : send_to(-pid, number, true);
}

/* Another thread of the caller: a signal to the one that waits has been let go on. */
static int kill_thread(pid_t caller, pid_t waiting, pid_t thread, int number)
{
	if (thread == waiting)
		return GO_ON;
	return syscall(SYS_tgkill, caller, thread, number) < 0 ? -errno : 0;
}

static int signal_for(pid_t caller, const struct seccomp_notif *call)
{
	const pid_t first = (pid_t)call->data.args[0];

	switch (call->data.nr) {
	case SYS_kill:
		return kill_for(caller, first, (int)call->data.args[1]);
	case SYS_tkill:
		return kill_thread(caller, (pid_t)call->pid, first, (int)call->data.args[1]);
	default:
		/* The kernel lets the process at the thread that is named only if it is its own. */
		return first == caller ? GO_ON : -EPERM;
	}
}

static int decide(
	const struct spec *spec, int listener, pid_t caller, const struct seccomp_notif *call)
{
	/* Who can no longer be told apart from another is not looked at. */
	if (!asked_waits(listener, call))
		return -EPERM;
	return about_signals(call->data.nr) ? signal_for(caller, call)
					    : asked_file(spec, listener, call);
}

static bool send_answer(int listener, struct seccomp_notif_resp *answer)
{
	int r;

	do
		r = ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
	while (r < 0 && errno == EINTR);
	return r == 0 || errno == ENOENT;
}

bool asked_refuse(int listener, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = {.id = call->id, .error = -EPERM};

	return send_answer(listener, &answer);
}

bool asked_answer(
	const struct spec *spec, int listener, pid_t caller, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = {.id = call->id};
	int r = decide(spec, listener, caller, call);

	if (r == GO_ON)
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else
		answer.error = r;
	return send_answer(listener, &answer);
}
