/* SPDX-License-Identifier: Apache-2.0 */
/* From the guest's init to the worker's. It should: give it namespaces of its own, so that it is
 * the first process of one and sees nothing of the guest's, its root, its ids, and the descriptors
 * that any init starts with. The rest is as in every jail: pid1.c. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/capabilities.h"
#include "linux/init/guest_parts.h"
#include "linux/init/helper.h"
#include "linux/init/message.h"
#include "linux/init/pid1.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static struct spec spec;

/* The worker's ends of its streams, and ours. */
struct ends {
	int control[2];
	int monitor; /* this process, for whoever watches it */
	int worker[3];
	int ours[3];
};

static int open_pipe(int *ret_worker, int *ret_ours, bool input)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	*ret_worker = guest_raise(pair[input ? 0 : 1]);
	*ret_ours = guest_raise(pair[input ? 1 : 0]);
	if (*ret_worker < 0 || *ret_ours < 0)
		return -EMFILE;
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_ends(struct ends *ends, struct failure *failure)
{
	int r = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->control) < 0)
		return failure_set(failure, errno, "guest", "socketpair");
	for (int i = 0; i < 2; i++)
		ends->control[i] = guest_raise(ends->control[i]);
	ends->monitor = guest_raise((int)syscall(SYS_pidfd_open, getpid(), 0));
	if (ends->monitor < 0)
		return failure_set(failure, errno, "guest", "pidfd_open");
	for (int i = 0; r == 0 && i < 3; i++)
		r = open_pipe(&ends->worker[i], &ends->ours[i], i == 0);
	return r < 0 ? failure_set(failure, -r, "guest", "pipes") : 0;
}

static int place_slots(const struct ends *ends, int text, struct failure *failure)
{
	const struct {
		int fd;
		int slot;
	} slots[] = {
		{ends->control[1], SLOT_INIT},
		{ends->monitor, SLOT_MONITOR_PROCESS},
		{text, SLOT_SPEC},
		{ends->worker[0], SLOT_STDIN},
		{ends->worker[1], SLOT_STDOUT},
		{ends->worker[2], SLOT_STDERR},
	};

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (dup2(slots[i].fd, slots[i].slot) < 0)
			return failure_set(failure, errno, "guest", "descriptors");
	return 0;
}

/* It may open /dev/stdout and the like again, in the direction that it has: by its group, as an
 * owner could change the mode. */
static int give_pipes(const struct spec_ids *ids, struct failure *failure)
{
	for (int slot = SLOT_STDIN; slot <= SLOT_STDERR; slot++) {
		const mode_t mode = S_IRUSR | S_IWUSR | (slot == SLOT_STDIN ? S_IRGRP : S_IWGRP);

		if (fchown(slot, (uid_t)-1, ids->gid) < 0 || fchmod(slot, mode) < 0)
			return failure_set(failure, errno, "stdio", "giving them to the worker");
	}
	return 0;
}

static int become_init(bool files, struct failure *failure)
{
	int r;

	umask(022);
	if (setsid() < 0)
		return failure_set(failure, errno, "session", "setsid");
	if (sethostname(spec.hostname, strlen(spec.hostname)) < 0)
		return failure_set(failure, errno, "namespaces", "sethostname");
	r = give_pipes(spec.ids, failure);
	if (r == 0)
		r = guest_root_build(&spec, files, failure);
	/* The capabilities that end with the change of ids are needed for it. */
	if (r == 0)
		r = capabilities_bound(failure);
	return r < 0 ? r : helper_take_ids(spec.ids, failure);
}

static void __attribute__((noreturn)) child(const struct ends *ends, int text, bool files)
{
	struct failure failure;

	if (place_slots(ends, text, &failure) < 0)
		_exit(INIT_EXIT_FAILED);
	if (become_init(files, &failure) < 0) {
		failure_send(SLOT_INIT, CONTROL_FAILED, &failure);
		_exit(INIT_EXIT_FAILED);
	}
	_exit(pid1_in_guest());
}

int guest_worker_start(int text, bool files, struct guest_worker *ret, struct failure *failure)
{
	struct ends ends = {0};
	int r = spec_load(text, &spec, failure);

	if (r == 0 && (!spec.ids || !spec.hostname))
		r = failure_set(failure, EBADMSG, "spec", "no ids or host name");
	if (r == 0)
		r = guest_network_open(&spec, failure);
	if (r == 0)
		r = open_ends(&ends, failure);
	if (r < 0)
		return r;
	ret->terminal = spec_flags(&spec) & SPEC_FLAG_TTY;
	ret->pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (ret->pid == 0)
		child(&ends, text, files);
	if (ret->pid < 0)
		return failure_set(failure, errno, "namespaces", "clone");
	close(ends.control[1]);
	close(ends.monitor);
	close(text);
	if (spec.ports)
		close(SLOT_EGRESS);
	ret->control = ends.control[0];
	for (int i = 0; i < 3; i++) {
		close(ends.worker[i]);
		ret->streams[i] = ret->terminal ? -1 : ends.ours[i];
		if (ret->terminal)
			close(ends.ours[i]);
	}
	return 0;
}
