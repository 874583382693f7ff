/* SPDX-License-Identifier: Apache-2.0 */
/* From the monitor's fork to init, where there are no namespaces. It should: take the worker's ids
 * while it may, make the directory for temporary files, have every orphan of the worker fall to
 * itself. It must not: die with the monitor, as other jails' inits do. No kernel ends the worker's
 * processes here, so each of the two ends them when the other one is gone. */
#include "linux/init/plain.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/capabilities.h"
#include "linux/init/favour.h"
#include "linux/init/helper.h"
#include "linux/init/message.h"
#include "linux/init/pid1.h"
#include "linux/init/process.h"
#include "linux/init/temporary.h"

static int prepare(const struct spec *spec, struct failure *failure)
{
	int r = favour_renounce_sparing(failure);

	if (r < 0)
		return r;
	/* The capabilities that end with the change of ids are needed for it. */
	if (spec->kernel_ids) {
		r = capabilities_bound(failure);
		if (r == 0)
			r = helper_take_ids(spec->kernel_ids, failure);
	}
	if (r < 0)
		return r;
	umask(022);
	if (setsid() < 0)
		return failure_set(failure, errno, "session", "setsid");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return failure_set(failure, errno, "process", "PR_SET_CHILD_SUBREAPER");
	return temporary_make(failure);
}

static void __attribute__((noreturn))
child(struct spec *spec, unsigned n_grants, const struct native *native, int report)
{
	const struct pid1_host host = {.monitor = report, .n_grants = n_grants};
	struct failure failure;

	for (size_t i = 0; i < sizeof(native->monitor_fds) / sizeof(native->monitor_fds[0]); i++)
		close(native->monitor_fds[i]);
	if (prepare(spec, &failure) < 0) {
		failure_send(report, CONTROL_FAILED, &failure);
		_exit(INIT_EXIT_FAILED);
	}
	memset(native->role, 0, strlen(native->role));
	memcpy(native->role, "init", 4);
	_exit(pid1_main(spec, &host));
}

int plain_start(
	struct spec *spec, unsigned n_grants, struct native *native, struct failure *failure)
{
	int pair[2];
	int r;

	native->pid = 0;
	native->report = -1;
	/* Nothing else finds what a worker leaves behind. */
	r = children_seen();
	if (r < 0)
		return failure_set(failure, -r, "children", "/proc/self/task");
	r = temporary_choose(spec, failure);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, "monitor", "socketpair");
	native->pid = fork();
	if (native->pid == 0) {
		close(pair[0]);
		child(spec, n_grants, native, pair[1]);
	}
	close(pair[1]);
	native->report = pair[0];
	if (native->pid > 0)
		return 0;
	native->pid = 0;
	return failure_set(failure, errno, "monitor", "fork");
}

void plain_clean(const struct spec *spec)
{
	struct failure failure;

	/* Root of a container may lack what it takes to remove what is another user's. */
	if (spec->kernel_ids && helper_take_ids(spec->kernel_ids, &failure) < 0)
		return;
	temporary_remove();
}
