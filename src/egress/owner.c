/* SPDX-License-Identifier: Apache-2.0 */
/* Hearing the proxy, to its end. Should: take whatever it says for the word of a stranger. Must
 * not: leave it running, or believe in a report that has no end. */
#include "egress/owner.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "egress/owner_parts.h"
#include "egress/reason.h"
#include "linux/control_message.h"

#define MAX_DENIED 64 /* of its report: AUDIT_MAX_DESTINATIONS */
#define MAX_HEARD 256 /* messages at once: whoever talks on is heard next time */
#define COMPLAINT_MAX 512
#define END_MS 5000 /* for one that was killed, or has nobody left to serve */
#define POOL_REMEDY                                                                           \
	"make the pool's limits larger (ks_egress_pool_new(3)), or the policy's smaller, or " \
	"wait until one of its workers has ended"

int egress_open(
	const struct egress_setup *setup, struct egress_owner **ret_owner, ks_error **reterr)
{
	struct egress_owner *owner = calloc(1, sizeof(*owner));
	int r;

	if (!owner)
		return error_oom(reterr);
	owner->socket = owner->ended = owner->watch = owner->complaints = -1;
	r = setup->pool ? owner_enter(owner, setup, reterr) : owner_start(owner, setup, reterr);
	if (r < 0) {
		egress_free(owner);
		return r;
	}
	*ret_owner = owner;
	return 0;
}

pid_t egress_pid(const struct egress_owner *owner)
{
	return owner->pid;
}

/* People read it in a terminal. */
static bool is_text(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return len < room;
}

static void take_denied(struct egress_owner *owner, const struct control_message *message)
{
	struct egress_report *report = &owner->report;
	struct egress_denied denied;
	struct egress_denied *items;

	if (message->len != sizeof(denied) || report->n_denied == MAX_DENIED)
		return;
	memcpy(&denied, message->data, sizeof(denied));
	if (denied.reason == REASON_ALLOWED || denied.reason >= REASON_COUNT ||
		denied.port > UINT16_MAX || !is_text(denied.host, sizeof(denied.host)) ||
		!is_text(denied.entry, sizeof(denied.entry)))
		return;
	items = realloc(report->denied, (report->n_denied + 1) * sizeof(*items));
	if (!items)
		return;
	report->denied = items;
	items[report->n_denied++] = denied;
}

static void take_failure(struct egress_owner *owner, const struct control_message *message)
{
	size_t used = strlen(message->data) + 1;
	const char *step = is_text(message->data, message->len + 1) ? message->data : "";
	const char *detail = used < message->len ? message->data + used : "";
	int code = message->header.value > 0 ? message->header.value : EIO;

	ks_error_free(owner->why);
	owner->why = NULL;
	error_set(&owner->why, -code,
		ABOUT(.step = "egress", .field = "net",
			.remedy = code == EUSERS ? POOL_REMEDY
						 : "see what this kernel offers with kastellan "
						   "doctor"),
		"the egress proxy cannot be confined or made ready: %s%s%s: %s",
		*step ? step : "unknown step", *detail ? ": " : "",
		is_text(detail, message->len + 1 - used) ? detail : "", strerror(code));
}

static void take(struct egress_owner *owner, const struct control_message *message)
{
	switch (message->header.type) {
	case EGRESS_READY:
		owner->ready = true;
		break;
	case EGRESS_FAILED:
		take_failure(owner, message);
		break;
	case EGRESS_DENIED:
		take_denied(owner, message);
		break;
	case EGRESS_SUMMARY:
		if (message->len != sizeof(owner->report.totals))
			break;
		memcpy(&owner->report.totals, message->data, message->len);
		owner->told_all = true;
		break;
	default:
		break;
	}
}

static void hear(struct egress_owner *owner)
{
	struct control_message message;
	int r = 0;

	for (int i = 0; i < MAX_HEARD && owner->socket >= 0; i++) {
		r = control_receive(owner->socket, &message);
		if (r <= 0)
			break;
		control_message_drop_fds(&message);
		take(owner, &message);
	}
	/* Its end is waited for; without a socket it cannot go on either. */
	if (r < 0)
		drop_fd(&owner->socket);
}

static bool reap(struct egress_owner *owner, int patience_ms)
{
	struct pollfd ended = {.fd = owner->ended, .events = POLLIN};
	int status = 0;

	if (owner->shared)
		return owner_note_end(owner);
	if (!owner->pid)
		return true;
	while (ended.fd >= 0 && poll(&ended, 1, patience_ms) < 0 && errno == EINTR)
		;
	/* Of one that could not be watched from its start the end is waited for as it is. */
	if (ended.fd >= 0 && !ended.revents)
		return false;
	while (waitpid(owner->pid, &status, 0) < 0 && errno == EINTR)
		;
	owner->pid = 0;
	owner->report.status = status;
	owner->report.died = !owner->told_to_stop || !owner->told_all;
	drop_fd(&owner->ended);
	owner_end_helper(owner);
	return true;
}

int egress_fd(const struct egress_owner *owner)
{
	return owner->watch;
}

/* Where a child of fork() has a copy of the process's end of the socket, that tells nothing. */
static bool has_ended(const struct egress_owner *owner)
{
	struct pollfd ended = {.fd = owner->shared ? egress_shared_fd(owner->shared) : owner->ended,
		.events = POLLIN};

	return ended.fd >= 0 && poll(&ended, 1, 0) > 0;
}

bool egress_dispatch(struct egress_owner *owner)
{
	const bool ended = has_ended(owner);

	hear(owner);
	if (ended)
		drop_fd(&owner->socket);
	return owner->socket < 0 && reap(owner, 0);
}

/* The last line of what it complained of. */
static void read_complaint(const struct egress_owner *owner, char text[COMPLAINT_MAX])
{
	file_last_line(owner->complaints, text, COMPLAINT_MAX);
	if (!is_text(text, COMPLAINT_MAX))
		*text = '\0';
}

int owner_say_why(struct egress_owner *owner, ks_error **reterr)
{
	char complaint[COMPLAINT_MAX];

	if (owner->why) {
		int code = ks_error_code(owner->why);

		if (reterr)
			*reterr = take_ptr(owner->why);
		return code;
	}
	if (owner->shared)
		return egress_shared_why(owner->shared, reterr);
	read_complaint(owner, complaint);
	return error_set(reterr, -ECHILD,
		ABOUT(.step = "egress", .field = "net", .remedy = REINSTALL),
		"the egress proxy ended before it was ready%s%s", *complaint ? ": " : "",
		complaint);
}

int egress_await_ready(struct egress_owner *owner, int patience_ms, ks_error **reterr)
{
	int64_t deadline = clock_ms() + patience_ms;

	for (;;) {
		struct pollfd due = {.fd = owner->socket, .events = POLLIN};
		int64_t left = deadline - clock_ms();

		hear(owner);
		if (owner->ready)
			return 0;
		if (owner->socket < 0 || owner->why)
			return owner_say_why(owner, reterr);
		if (left <= 0)
			return error_set(reterr, -ETIMEDOUT,
				ABOUT(.step = "egress", .field = "net"),
				"the egress proxy did not become ready within %d s",
				patience_ms / 1000);
		poll(&due, 1, (int)left);
	}
}

void egress_stop(struct egress_owner *owner)
{
	if (owner->told_to_stop)
		return;
	/* One that ended before this has died. */
	hear(owner);
	if (owner->socket < 0)
		return;
	owner->told_to_stop = true;
	control_send(owner->socket, EGRESS_STOP, 0, NULL, 0, NULL, 0);
}

const struct egress_report *egress_report(const struct egress_owner *owner)
{
	return &owner->report;
}

void egress_free(struct egress_owner *owner)
{
	if (!owner)
		return;
	if (owner->shared)
		owner_leave(owner);
	/* Where it has ids of its own and this process may not signal it, the hang-up ends it. */
	cleanup_close(&owner->socket);
	if (owner->pid) {
		owner_kill(owner);
		reap(owner, END_MS);
	}
	owner_end_helper(owner);
	cleanup_close(&owner->ended);
	cleanup_close(&owner->complaints);
	cleanup_close(&owner->watch);
	ks_error_free(owner->why);
	free(owner->report.denied);
	free(owner);
}
