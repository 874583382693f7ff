/* SPDX-License-Identifier: Apache-2.0 */
/* While the worker lives, and its end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "macos/apply/directory.h"
#include "macos/apply/machine.h"
#include "macos/apply/patience.h"
#include "macos/warden/warden.h"

bool warden_has_ended(const struct warden *warden)
{
	siginfo_t info = {0};

	return !warden->worker ||
	       (waitid(P_PID, (id_t)warden->worker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		       info.si_pid == warden->worker);
}

/* Whoever is gone has left us to another parent, also where nothing has told of it. */
static bool is_orphan(const struct warden *warden)
{
	return getppid() != (pid_t)warden->order.numbers.caller;
}

bool warden_is_left(const struct warden *warden)
{
	struct pollfd fds[] = {{.fd = warden->parent_end, .events = POLLIN},
		{.fd = WARDEN_CONTROL, .events = POLLIN}};

	return poll(fds, 2, 0) > 0 || is_orphan(warden);
}

static uint64_t usec(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

void warden_reap(struct warden *warden)
{
	struct rusage usage = {0};

	if (!warden->worker)
		return;
	while (wait4(warden->worker, &warden->status, 0, &usage) < 0) {
		if (errno == EINTR)
			continue;
		/* Nobody knows how it has ended: not well, then. */
		warden->status = SIGKILL;
		break;
	}
	warden->cpu_usec = usec(&usage.ru_utime) + usec(&usage.ru_stime);
	warden->worker = 0;
}

/* In a group of its own only since its setsid(). */
static void kill_worker(const struct warden *warden)
{
	kill(-warden->worker, SIGKILL);
	kill(warden->worker, SIGKILL);
}

static int remove_machine(const struct warden *warden)
{
	/* Its command was never started. */
	if (warden->worker_end < 0)
		return 0;
	return machine_remove(warden->order.program, warden->order.name);
}

/* The command of a machine is given some time to see that it has gone. */
static void end_command(struct warden *warden)
{
	struct pollfd ended = {.fd = warden->worker_end, .events = POLLIN};
	uint64_t end = clock_now() + RUN_END_MS;

	while (warden->worker && poll(&ended, 1, clock_left(end)) < 0 && errno == EINTR)
		;
	if (warden->worker)
		kill_worker(warden);
}

int warden_end(struct warden *warden)
{
	int r;

	if (!FOR_MACHINE(warden)) {
		r = watch_kill(&warden->watch);
		/* Whatever has become of the look at its tree. */
		if (warden->worker)
			kill_worker(warden);
		warden_reap(warden);
		return r;
	}
	r = remove_machine(warden);
	end_command(warden);
	warden_reap(warden);
	return r;
}

int warden_clean(struct warden *warden, struct message *report)
{
	const char *what = FOR_MACHINE(warden) ? warden->order.name : "processes";
	int r = FOR_MACHINE(warden) ? remove_machine(warden) : watch_kill(&warden->watch);
	const char *const directories[] = {warden->order.directory, warden->order.door};

	for (size_t i = 0; i < 2; i++) {
		int removed = *directories[i] ? directory_remove(directories[i]) : 0;

		if (r == 0 && removed < 0) {
			what = directories[i];
			r = removed;
		}
	}
	/* Who looks for what was left finds it by that. */
	if (r == 0 && unlink(warden->order.record) < 0 && errno != ENOENT) {
		what = warden->order.record;
		r = -errno;
	}
	if (r < 0)
		warden_fail(report, "teardown", -r, what);
	return r;
}

static void send_signal(const struct warden *warden, int number)
{
	if (FOR_MACHINE(warden))
		machine_signal(warden, number);
	else
		kill(-warden->worker, number);
}

/* A message, or the end of the stream, which is one, too. */
static void hear(struct warden *warden)
{
	struct message message;

	if (message_receive(WARDEN_CONTROL, &message) == 0 && message.kind == MESSAGE_SIGNAL)
		send_signal(warden, message.value);
	else
		warden_end(warden);
}

static void look(struct warden *warden)
{
	enum watch_verdict verdict = WATCH_FINE;
	size_t left;

	/* What cannot be watched is not left to itself. */
	if (watch_step(&warden->watch, clock_usec(), &verdict, &left) == 0 && verdict == WATCH_FINE)
		return;
	warden->verdict = verdict;
	warden_end(warden);
}

void warden_run(struct warden *warden)
{
	while (warden->worker) {
		struct pollfd fds[3 + RELAY_FDS] = {{.fd = WARDEN_CONTROL, .events = POLLIN},
			{.fd = warden->parent_end, .events = POLLIN},
			{.fd = warden->worker_end, .events = POLLIN}};

		relay_poll(&warden->relay, fds + 3);
		if (poll(fds, 3 + RELAY_FDS, FOR_MACHINE(warden) ? LOOK_MS : WATCH_EVERY_MS) < 0) {
			if (errno != EINTR)
				warden_end(warden);
			continue;
		}
		relay_move(&warden->relay, fds + 3);
		/* Both are looked at as well: an end of which nothing tells is one, too. */
		if (fds[2].revents || warden_has_ended(warden))
			warden_reap(warden);
		else if (fds[1].revents || is_orphan(warden))
			warden_end(warden);
		else if (fds[0].revents)
			hear(warden);
		else if (!FOR_MACHINE(warden))
			look(warden);
	}
}
