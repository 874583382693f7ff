/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "macos/apply/system.h"
#include "macos/warden/warden.h"

int warden_fail(struct message *failure, const char *step, int code, const char *text)
{
	*failure = (struct message){.kind = MESSAGE_FAILED, .value = code};
	snprintf(failure->step, sizeof(failure->step), "%s", step);
	snprintf(failure->text, sizeof(failure->text), "%s", text ? text : "");
	return -code;
}

static int hear_order(struct warden *warden, struct message *failure)
{
	struct order_numbers numbers;
	int r = bytes_receive(WARDEN_CONTROL, &numbers, sizeof(numbers));

	if (r == 0 && (numbers.size < sizeof(numbers) || numbers.size > KS_MAX_SPEC_BYTES))
		r = -EINVAL;
	if (r == 0) {
		warden->bytes = malloc(numbers.size);
		r = warden->bytes ? 0 : -ENOMEM;
	}
	if (r == 0) {
		memcpy(warden->bytes, &numbers, sizeof(numbers));
		r = bytes_receive(WARDEN_CONTROL, warden->bytes + sizeof(numbers),
			numbers.size - sizeof(numbers));
	}
	if (r == 0)
		r = order_read(warden->bytes, numbers.size, &warden->order);
	return r < 0 ? warden_fail(failure, "order", -r, NULL) : 0;
}

/* Whoever started it may have ended before that is watched: then it has another parent by now. */
static int watch_caller(struct warden *warden, struct message *failure)
{
	pid_t caller = (pid_t)warden->order.numbers.caller;

	warden->parent_end = system_end_fd(caller);
	if (warden->parent_end < 0)
		return warden_fail(failure, "caller", -warden->parent_end, NULL);
	return getppid() == caller ? 0 : warden_fail(failure, "caller", ESRCH, NULL);
}

static void tell_end(struct warden *warden)
{
	struct message report = {0};
	int r = warden_clean(warden, &report);

	report.kind = MESSAGE_ENDED;
	report.error = -r;
	report.value = warden->status;
	report.verdict = warden->verdict;
	report.cpu_usec = warden->watch.cpu_usec > warden->cpu_usec ? warden->watch.cpu_usec
								    : warden->cpu_usec;
	report.memory_peak = warden->watch.memory_peak;
	report.tasks_peak = warden->watch.tasks_peak;
	message_send(WARDEN_CONTROL, &report);
}

/* The caller, who would wait for it, hears of it by the end of the stream where it cannot be told.
 */
static int tell_start(struct message *failure)
{
	const struct message started = {.kind = MESSAGE_STARTED};
	int r = message_send(WARDEN_CONTROL, &started);

	return r < 0 ? warden_fail(failure, "caller", -r, NULL) : 0;
}

static int live(struct warden *warden, struct message *failure)
{
	struct message ignored;
	int r = hear_order(warden, failure);

	if (r == 0)
		r = watch_caller(warden, failure);
	if (r == 0)
		r = warden_start(warden, failure);
	if (r == 0)
		r = tell_start(failure);
	if (r < 0) {
		if (warden->began) {
			warden_end(warden);
			failure->error = -warden_clean(warden, &ignored);
		}
		return r;
	}
	warden_run(warden);
	tell_end(warden);
	return 0;
}

/* Nothing but its caller's end, or SIGKILL, ends it before all that it has made is removed: a
 * signal to every process of a user, as at the end of his session, reaches the caller, too. Who is
 * started ignores none. */
static void ignore_signals(void)
{
	static const int ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

int main(void)
{
	static struct warden warden = {
		.parent_end = -1, .worker_end = -1, .relay = {.in = -1, .out = -1}};
	struct message failure;
	int r;

	ignore_signals();
	umask(077);
	r = chdir("/") < 0 ? warden_fail(&failure, "cwd", errno, "/") : live(&warden, &failure);
	if (r < 0)
		message_send(WARDEN_CONTROL, &failure);
	relay_close(&warden.relay);
	drop_fd(&warden.parent_end);
	drop_fd(&warden.worker_end);
	watch_done(&warden.watch);
	order_done(&warden.order);
	free(warden.bytes);
	return r < 0;
}
