/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of the jail. It should: check that the jail is the one that was planned, start
 * the worker when told to, reap whatever falls to it, report the worker's end exactly as it was,
 * and take everything in the jail with it when it ends: background processes do not outlive the
 * program. Without namespaces it does the same as a subreaper: whatever loses its parent falls to
 * it. It must not: allocate, wait for the supervisor while the worker runs (the worker's end and
 * failures excepted), keep any privilege, or be a way out: it is not dumpable and outside the
 * worker's Landlock domain, and pid 1 of a namespace takes no signal from within. */
#include "linux/init/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/capabilities.h"
#include "linux/init/denials.h"
#include "linux/init/message.h"
#include "linux/init/native_parts.h"
#include "linux/init/network.h"
#include "linux/init/process.h"
#include "linux/init/spec_read.h"
#include "linux/init/temporary.h"
#include "linux/init/terminal.h"
#include "linux/init/verify.h"
#include "linux/init/worker.h"
#include "linux/control_message.h"

#define REAP_AT_ONCE \
	128 /* so that a flood of orphans cannot keep the supervisor from being heard */

struct pid1 {
	int signals;
	int report; /* from the worker until its exec; -1 before and afterwards */
	int monitor; /* readable or hung up at its end; -1: we die with it */
	int terminal; /* the worker's side, kept so that the size can be set; -1 without one */
	struct denials denials;
	pid_t worker; /* 0: not started, or ended */
	bool named; /* built ahead, and told its program */
	bool armed; /* everything is in force, only the exec is left */
	bool leftover; /* children may be left to reap without a further signal */
};

static struct spec own; /* touched only where it is read here */
static struct spec *spec;
static const struct pid1_host *surroundings; /* NULL: the first process of a pid namespace */
static bool in_guest;

/* Lets go of every descriptor but the first ones of a list, the worker's further ones and, without
 * namespaces, those that the worker's rules are for. */
static int keep_only(const int *list, size_t n, uint32_t n_extra, struct failure *failure)
{
	static int keep[9 + SPEC_MAX_EXTRA + KS_MAX_GRANTS];
	size_t count = 0;
	int r;

	while (count < n) {
		keep[count] = list[count];
		count++;
	}
	for (uint32_t i = 0; i < n_extra; i++)
		keep[count++] = SLOT_EXTRA + (int)i;
	if (surroundings) {
		keep[count++] = surroundings->monitor;
		keep[count++] = temporary_fd();
	}
	for (unsigned i = 0; surroundings && i < surroundings->n_grants; i++)
		keep[count++] = SLOT_GRANT + (int)i;
	r = close_others(keep, count);
	return r < 0 ? failure_set(failure, -r, "descriptors", "close_range") : 0;
}

static void name_temporary(void)
{
	if (spec->temporary && spec->temporary->named && spec->envc < SPEC_MAX_ENV) {
		spec->envp[spec->envc++] = temporary_variable();
		spec->envp[spec->envc] = NULL;
	}
}

/* A helper stands between the monitor and us, and without namespaces we do not die with it. Without
 * either we do, and have a socket of its. */
static int watch_monitor(struct pid1 *self, struct failure *failure)
{
	self->monitor = surroundings ? surroundings->monitor : SLOT_MONITOR_PROCESS;
	if (self->monitor >= 0 && fcntl(self->monitor, F_GETFD) < 0)
		return failure_set(failure, errno, "descriptors", "no monitor to watch");
	return 0;
}

/* What somebody else has left open is let go of before anything is read. */
static int read_spec(const int *slots, size_t n, struct failure *failure)
{
	int r;

	if (spec)
		return 0;
	spec = &own;
	r = keep_only(slots, n, SPEC_MAX_EXTRA, failure);
	return r < 0 ? r : spec_load(SLOT_SPEC, spec, failure);
}

static int settle(struct pid1 *self, struct failure *failure)
{
	int slots[] = {SLOT_INIT, SLOT_MONITOR_PROCESS, SLOT_EGRESS, SLOT_STDIN, SLOT_STDOUT,
		SLOT_STDERR, SLOT_SPEC /* until it is read */};
	int r;

	signals_settle();
	/* Our parent, the helper, can only be seen as pid 0 from here: where it died before this,
	 * we fell to the monitor, which ends us. */
	if ((!surroundings && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failure_set(failure, errno, "process", "prctl");
	r = read_spec(slots, 7, failure);
	slots[2] = spec->ports ? SLOT_EGRESS : -1;
	if (r == 0)
		r = network_check(spec, failure);
	if (r == 0)
		r = keep_only(slots, spec_has_stdio(spec) ? 6 : 3, spec_extra(spec), failure);
	if (r == 0)
		r = watch_monitor(self, failure);
	if (r < 0)
		return r;
	name_temporary();
	if (surroundings)
		self->denials.asking = spec;
	r = verify_descriptors(spec, failure);
	if (r == 0)
		r = capabilities_renounce(failure);
	/* Without namespaces it may be the host's, and no_new_privs holds alone. */
	if (r == 0 && !surroundings)
		r = capabilities_check_bound(failure);
	if (r == 0)
		r = verify_jail(spec, failure);
	if (r < 0)
		return r;
	self->signals = signals_open();
	return self->signals < 0 ? failure_set(failure, -self->signals, "descriptors", "signalfd")
				 : 0;
}

/* In a namespace of one's own everybody else at once; else those that are known, whose own children
 * fall to us when they end. */
static void kill_all(void)
{
	if (surroundings)
		children_kill();
	else
		kill(-1, SIGKILL);
}

/* Whatever loses its parent falls to us: without a child there is nobody. To end all by one call
 * the kernel goes through every process of the machine. */
static bool is_alone(void)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD;
}

/* Ends and reaps all there is. Nothing can be born meanwhile but by what is dying. */
static void end_all(void)
{
	if (!is_alone())
		kill_all();
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		if (surroundings)
			children_kill();
	if (surroundings)
		temporary_remove();
}

static void __attribute__((noreturn)) leave(int status)
{
	if (surroundings)
		end_all();
	_exit(status); /* with which the kernel ends and reaps a namespace */
}

static void __attribute__((noreturn)) leave_failed(const struct failure *failure)
{
	kill_all();
	failure_send(SLOT_INIT, CONTROL_FAILED, failure);
	leave(INIT_EXIT_FAILED);
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* What the worker says before it is the program. */
static void on_report(struct pid1 *self)
{
	struct control_message message;
	int r;

	while (self->report >= 0 && (r = control_receive(self->report, &message)) != 0) {
		if (r == 1 && message.header.type == CONTROL_FAILED) {
			kill_all();
			message_send(SLOT_INIT, CONTROL_FAILED, message.header.value, message.data,
				message.len);
			leave(INIT_EXIT_FAILED);
		}
		if (r == 1) {
			self->armed = true;
			if (message.n_fds)
				self->denials.listener = message.fds[0];
			if (spec_flags(spec) & SPEC_FLAG_LATE)
				message_send(SLOT_INIT, CONTROL_ARMED, 0, NULL, 0);
			continue;
		}
		close(self->report);
		self->report = -1;
		if (self->armed)
			message_send(SLOT_INIT, CONTROL_STARTED, self->worker, NULL, 0);
	}
}

/* The worker's end is the jail's end. */
static void __attribute__((noreturn))
on_worker_end(struct pid1 *self, int status, const struct rusage *used)
{
	const struct control_usage usage = {.user_usec = microseconds(used->ru_utime),
		.system_usec = microseconds(used->ru_stime),
		.max_rss_kib = (uint64_t)used->ru_maxrss};
	struct failure failure;

	/* Its last words first: they are there, as it is gone. */
	on_report(self);
	if (!self->armed) {
		failure_set(
			&failure, ECANCELED, "worker", "it ended before its program, by signal ");
		failure_add_number(&failure, WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0);
		leave_failed(&failure);
	}
	end_all();
	message_send(SLOT_INIT, CONTROL_EXIT, status, &usage, sizeof(usage));
	leave(INIT_EXIT_DONE);
}

static void on_child(struct pid1 *self)
{
	struct rusage used;
	int status;

	signals_drain(self->signals);
	self->leftover = false;
	for (unsigned i = 0; i < REAP_AT_ONCE; i++) {
		pid_t pid = wait4(-1, &status, WNOHANG | __WALL, &used);

		if (pid <= 0)
			return;
		if (pid == self->worker)
			on_worker_end(self, status, &used);
	}
	self->leftover = true;
}

static void start_worker(struct pid1 *self, const int *groups, size_t n_groups)
{
	struct failure failure;
	int r = 0;

	if (n_groups == 0 && !(spec_flags(spec) & SPEC_FLAG_KEEP_GROUP))
		r = failure_set(&failure, EPROTO, "cgroup", "no group to join was handed over");
	if (r == 0 && spec_flags(spec) & SPEC_FLAG_TTY)
		r = terminal_open(spec->winsize, &self->terminal, &failure);
	if (r == 0)
		r = worker_start(spec, self->terminal, groups, n_groups, &self->worker,
			&self->report, &failure);
	if (r < 0)
		leave_failed(&failure);
	/* Or their other ends would never see the worker close them. */
	if (spec_has_stdio(spec))
		for (int slot = SLOT_STDIN; slot <= SLOT_STDERR; slot++)
			close(slot);
	for (uint32_t i = 0; i < spec_extra(spec); i++)
		close(SLOT_EXTRA + (int)i);
}

/* Once: what comes later would find the program itself at the other end, or nobody. */
static void pass_program(struct pid1 *self, const struct control_message *message)
{
	struct failure failure;
	int r;

	if (!(spec_flags(spec) & SPEC_FLAG_LATE) || !self->armed || self->named ||
		message->n_fds != CONTROL_PROGRAM_FDS)
		return;
	self->named = true;
	r = control_send(self->report, CONTROL_PROGRAM, 0, NULL, 0, message->fds, message->n_fds);
	if (r < 0) {
		failure_set(&failure, -r, "worker", "it cannot be told its program");
		leave_failed(&failure);
	}
}

static void on_message(struct pid1 *self, const struct control_message *message)
{
	switch (message->header.type) {
	case CONTROL_GO:
		if (self->worker == 0)
			start_worker(self, message->fds, message->n_fds);
		break;
	case CONTROL_PROGRAM:
		pass_program(self, message);
		break;
	case CONTROL_SIGNAL:
		/* Until it has a group of its own it is alone. */
		if (self->worker > 0 && kill(-self->worker, message->header.value) < 0)
			kill(self->worker, message->header.value);
		break;
	case CONTROL_WINSIZE:
		if (self->terminal >= 0 && message->len == sizeof(struct spec_winsize))
			terminal_resize(self->terminal, message->data);
		break;
	case CONTROL_KILL:
		/* The worker's end is then reported like any other. */
		kill_all();
		if (self->worker == 0)
			leave(INIT_EXIT_DONE);
		break;
	default:
		break;
	}
}

static void on_supervisor(struct pid1 *self)
{
	struct control_message message;
	int r = control_receive(SLOT_INIT, &message);

	if (r < 0)
		leave(INIT_EXIT_ORPHANED);
	if (r == 0)
		return;
	on_message(self, &message);
	control_message_drop_fds(&message);
}

static void __attribute__((noreturn)) serve(struct pid1 *self)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = self->report, .events = POLLIN},
			{.fd = self->denials.listener, .events = POLLIN},
			{.fd = SLOT_INIT, .events = POLLIN},
			{.fd = self->signals, .events = POLLIN},
			{.fd = self->monitor, .events = POLLIN},
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), self->leftover ? 0 : -1) < 0)
			continue;
		if (fds[0].revents)
			on_report(self);
		if (fds[1].revents)
			denials_take(&self->denials, self->worker, fds[1].revents);
		if (fds[2].revents)
			on_supervisor(self);
		if (fds[3].revents || self->leftover)
			on_child(self);
		if (fds[4].revents)
			leave(INIT_EXIT_ORPHANED);
	}
}

/* The supervisor mostly is ahead of us. To be told that we are ready would only wake it, and that
 * mostly in our place. */
static bool has_word(void)
{
	struct pollfd word = {.fd = SLOT_INIT, .events = POLLIN};

	return poll(&word, 1, 0) > 0;
}

int pid1_in_guest(void)
{
	in_guest = true;
	return pid1_main(NULL, NULL);
}

int pid1_main(struct spec *read, const struct pid1_host *host)
{
	struct pid1 self = {.signals = -1, .report = -1, .monitor = -1, .terminal = -1};
	struct failure failure;

	spec = read;
	surroundings = host;
	denials_init(&self.denials);
	/* Nothing of the jail is touched, and nobody else's processes, by one who is not its first.
	 */
	if (!host && getpid() != 1) {
		failure_set(&failure, ESRCH, "process", "this is not the first of a namespace");
		failure_send(SLOT_INIT, CONTROL_FAILED, &failure);
		return INIT_EXIT_FAILED;
	}
	if (settle(&self, &failure) < 0)
		leave_failed(&failure);
	/* Who is awaited for a network says so; else only who would wait for the word. */
	if ((in_guest || spec->ports || !has_word()) && network_say_ready(spec) < 0)
		leave(INIT_EXIT_ORPHANED);
	serve(&self);
}
