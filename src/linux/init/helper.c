/* SPDX-License-Identifier: Apache-2.0 */
/* From the monitor's fork to the helper's exec. It should: prepare the grants as mounts while it
 * may, give up the caller's identity, let init know of the monitor's end. It must not: hand the
 * helper an environment, a descriptor of the monitor, a blocked signal, or, with kernel ids of its
 * own, any privilege. And it must not die with the monitor: what it has forked waits for its word,
 * and would wait for ever. Init, which it always comes to, ends everything instead. */
#include "linux/init/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/capabilities.h"
#include "linux/init/favour.h"
#include "linux/init/message.h"
#include "linux/init/network.h"
#include "linux/init/process.h"
#include "linux/init/stage.h"

unsigned helper_count_grants(void)
{
	unsigned count = 0;

	while (count < KS_MAX_GRANTS && fcntl(SLOT_GRANT + (int)count, F_GETFD) >= 0)
		count++;
	return count;
}

int helper_take_ids(const struct spec_ids *ids, struct failure *failure)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	if (setgroups(0, NULL) < 0)
		return failure_set(failure, errno, "ids", "setgroups");
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		return failure_set(failure, errno, "ids", "setresgid");
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return failure_set(failure, errno, "ids", "setresuid");
	if (getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0)
		return failure_set(failure, errno, "ids", "getresuid");
	if (uid != ids->uid || euid != uid || suid != uid || gid != ids->gid || egid != gid ||
		sgid != gid || getgroups(0, NULL) != 0)
		return failure_set(failure, EPERM, "ids", "the ids were not taken");
	return capabilities_clear(failure);
}

static int prepare(const struct spec *spec, unsigned n_grants, struct failure *failure)
{
	size_t cursor = 0;
	int r = favour_renounce_sparing(failure);

	if (r < 0)
		return r;
	/* bubblewrap has nothing to make such a network with, and takes the one that it is in. */
	if (spec->ports)
		r = network_enter(spec, failure);
	if (r == 0 && spec->ports)
		r = network_open(spec, failure);
	if (r < 0)
		return r;
	if (!spec->kernel_ids) {
		if (spec_next(spec, SPEC_STAGE, &cursor))
			return failure_set(failure, EBADMSG, "stage", "without kernel ids");
		return 0;
	}
	/* A root without CAP_SYS_PTRACE, as in containers, may not look at a user namespace of a
	 * child that is not dumpable. The change of ids puts an end to it again. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = stage_grants(spec, n_grants, failure);
	return r < 0 ? r : helper_take_ids(spec->kernel_ids, failure);
}

/* For init, whose parent is the helper. */
static int hand_on_monitor(pid_t parent, struct failure *failure)
{
	int fd = (int)syscall(SYS_pidfd_open, parent, 0);

	if (fd < 0)
		return failure_set(failure, errno, "helper", "pidfd_open");
	/* This one stays open in what is executed. */
	if (dup2(fd, SLOT_MONITOR_PROCESS) < 0)
		return failure_set(failure, errno, "helper", "dup2");
	if (fd != SLOT_MONITOR_PROCESS)
		close(fd);
	else if (fcntl(fd, F_SETFD, 0) < 0)
		return failure_set(failure, errno, "helper", "fcntl");
	if (getppid() != parent)
		return failure_set(failure, ESRCH, "helper", "the monitor is gone");
	return 0;
}

static int become_helper(
	const struct spec *spec, unsigned n_grants, pid_t parent, struct failure *failure)
{
	static char *const no_environment[] = {NULL};
	int r = prepare(spec, n_grants, failure);

	if (r < 0)
		return r;
	r = hand_on_monitor(parent, failure);
	if (r < 0)
		return r;
	signals_unblock();
	syscall(SYS_execveat, SLOT_HELPER_EXE, "", spec->helper, no_environment, AT_EMPTY_PATH);
	return failure_set(failure, errno, "helper", spec->helper[0]);
}

void helper_run(const struct spec *spec, unsigned n_grants, int report, pid_t parent)
{
	struct failure failure;

	close(SLOT_MONITOR);
	close(SLOT_SUPERVISOR);
	if (become_helper(spec, n_grants, parent, &failure) < 0)
		failure_send(report, CONTROL_FAILED, &failure);
	_exit(INIT_EXIT_FAILED);
}
