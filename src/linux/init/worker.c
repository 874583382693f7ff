/* SPDX-License-Identifier: Apache-2.0 */
/* From init's fork to the program's exec: system calls only. The order is the security property:
 * the control group before anything that costs, descriptors before limits on them, what is opened
 * by name before Landlock, everything that the filter forbids before the filter, and after the
 * filter nothing but the hand-over of its listener and the exec. */
#include "linux/init/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/capabilities.h"
#include "linux/init/favour.h"
#include "linux/init/filter.h"
#include "linux/init/limits.h"
#include "linux/init/message.h"
#include "linux/init/native_parts.h"
#include "linux/init/process.h"
#include "linux/init/program.h"
#include "linux/init/ruleset.h"
#include "linux/control_message.h"

#define FIRST_EXTRA 3 /* the number of the program's first one behind its standard streams */

static struct spec late; /* only its arguments are used */

/* What the child needs of its parent. */
struct start {
	const struct spec *spec;
	int terminal;
	const int *groups;
	size_t n_groups;
	int report;
};

static bool is_late(const struct start *start)
{
	return spec_flags(start->spec) & SPEC_FLAG_LATE;
}

/* By descriptors that the supervisor has opened, for which the kernel asks what it may. A clone
 * into the group (CLONE_INTO_CGROUP) asks what its caller may: init has another user's ids, and no
 * way to the group from its own control-group namespace. And init stays outside, so that it neither
 * counts as a task of the worker's nor is killed with it. */
static int join_groups(const struct start *start, struct failure *failure)
{
	for (size_t i = 0; i < start->n_groups; i++)
		if (write(start->groups[i], "0", 1) != 1) {
			failure_set(failure, errno, "cgroup", "joining group ");
			failure_add_number(failure, i);
			return -failure->code;
		}
	return 0;
}

static int take_session(const struct start *start, struct failure *failure)
{
	if (setsid() < 0)
		return failure_set(failure, errno, "session", "setsid");
	if (start->terminal >= 0 && ioctl(start->terminal, TIOCSCTTY, 0) < 0)
		return failure_set(failure, errno, "session", "TIOCSCTTY");
	return 0;
}

/* What is needed until the exec must not lie where the program's descriptors go, nor where they
 * come from; and it is not the program's. */
static int move_away(int *fd, int n_extra, struct failure *failure)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, SLOT_EXTRA + n_extra);

	if (moved < 0)
		return failure_set(failure, errno, "descriptors", "moving one away");
	close(*fd);
	*fd = moved;
	return 0;
}

/* From their slots to the numbers behind the standard streams, which are lower. */
static int take_extra(struct start *start, int *ruleset, int n_extra, struct failure *failure)
{
	int r = move_away(&start->report, n_extra, failure);

	if (r == 0 && *ruleset >= 0)
		r = move_away(ruleset, n_extra, failure);
	for (int i = 0; r == 0 && i < n_extra; i++)
		if (dup2(SLOT_EXTRA + i, FIRST_EXTRA + i) < 0)
			r = failure_set(failure, errno, "descriptors", "a further one");
	return r;
}

static int take_descriptors(struct start *start, int *ruleset, struct failure *failure)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	int keep[2 + SPEC_MAX_EXTRA];
	int n_extra = (int)spec_extra(start->spec);
	int r;

	for (int i = 0; !is_late(start) && i < 3; i++)
		if (dup2(start->terminal >= 0 ? start->terminal : SLOT_STDIN + i, i) < 0)
			return failure_set(failure, errno, "stdio", names[i]);
	r = n_extra ? take_extra(start, ruleset, n_extra, failure) : 0;
	if (r < 0)
		return r;
	keep[0] = start->report;
	keep[1] = *ruleset;
	for (int i = 0; i < n_extra; i++)
		keep[2 + i] = FIRST_EXTRA + i;
	r = close_others(keep, (size_t)n_extra + 2);
	return r < 0 ? failure_set(failure, -r, "descriptors", "close_range") : 0;
}

static int take_place(const struct start *start, struct failure *failure)
{
	umask(022);
	if (chdir(start->spec->cwd) < 0)
		return failure_set(failure, errno, "cwd", start->spec->cwd);
	return 0;
}

static int confine(const struct start *start, int ruleset, struct failure *failure)
{
	int listener = -1;
	int r = favour_renounce(failure);

	if (r == 0)
		r = limits_set(start->spec, failure);
	if (r == 0)
		r = capabilities_renounce(failure);
	if (r == 0)
		r = capabilities_check(failure);
	if (r == 0)
		r = ruleset_enforce(ruleset, failure);
	if (r == 0)
		r = filter_load(start->spec, &listener, failure);
	if (r < 0)
		return r;
	r = control_send(
		start->report, CONTROL_READY, 0, NULL, 0, &listener, listener >= 0 ? 1 : 0);
	return r < 0 ? failure_set(failure, -r, "seccomp", "the listener's hand-over") : 0;
}

/* Of a jail that was built ahead: its streams, then the arguments. All that confines it is in force
 * already, so that this is done as the program itself could do it. */
static int take_program(const struct start *start, struct failure *failure)
{
	struct pollfd named = {.fd = start->report, .events = POLLIN};
	struct control_message message = {0};
	int r;

	while (poll(&named, 1, -1) < 0 && errno == EINTR)
		;
	r = control_receive(start->report, &message);
	if (r != 1 || message.header.type != CONTROL_PROGRAM ||
		message.n_fds != CONTROL_PROGRAM_FDS)
		return failure_set(failure, r < 0 ? -r : EPROTO, "worker", "no program was named");
	r = spec_load(message.fds[0], &late, failure);
	for (int i = 0; r == 0 && i < 3; i++)
		if (dup2(message.fds[1 + i], i) < 0)
			r = failure_set(failure, errno, "stdio", "a stream of the program");
	control_message_drop_fds(&message);
	return r;
}

static void __attribute__((noreturn)) child(struct start *start)
{
	struct failure failure;
	int ruleset = -1;
	int r = join_groups(start, &failure);

	if (r == 0)
		r = take_session(start, &failure);
	/* Another worker may have put a link with many ".." where a rule's path leads, and a
	 * working directory may be named in any way. */
	if (r == 0)
		r = native_beside_await(&failure);
	/* The grants' descriptors are there until the next step. */
	if (r == 0)
		r = ruleset_build(start->spec, start->terminal, &ruleset, &failure);
	if (r == 0)
		r = take_descriptors(start, &ruleset, &failure);
	if (r == 0)
		r = take_place(start, &failure);
	/* Dispositions are the default ones since init settled them. A signal for the program may
	 * end us from here on; that it did is told by what is missing on the report. */
	signals_unblock();
	if (r == 0)
		r = confine(start, ruleset, &failure);
	if (r == 0 && is_late(start))
		r = take_program(start, &failure);
	if (r == 0)
		program_execute(
			start->spec, is_late(start) ? late.argv : start->spec->argv, &failure);
	failure_send(start->report, CONTROL_FAILED, &failure);
	_exit(INIT_EXIT_FAILED);
}

/* A worker that needs nothing more from its parent borrows its memory until the exec, which spares
 * both a copy: what it writes there is its own, but for errno. The parent waits that long, and can
 * be killed meanwhile. One that is built ahead waits for its program, and its parent for others. */
static pid_t start_child(struct start *start)
{
	pid_t pid = is_late(start) ? fork() : vfork();

	if (pid == 0)
		child(start);
	return pid;
}

int worker_start(const struct spec *spec, int terminal, const int *groups, size_t n_groups,
	pid_t *ret_pid, int *ret_report, struct failure *failure)
{
	struct start start = {
		.spec = spec, .terminal = terminal, .groups = groups, .n_groups = n_groups};
	int r = is_late(&start) ? native_beside_await(failure) : 0;
	int pair[2];
	pid_t pid;

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, "worker", "socketpair");
	start.report = pair[1];
	pid = start_child(&start);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return failure_set(failure, errno, "worker", "fork");
	}
	*ret_pid = pid;
	*ret_report = pair[0];
	return 0;
}
