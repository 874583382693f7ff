/* SPDX-License-Identifier: Apache-2.0 */
/* From the start of the proxy to its end. Should: hand over exactly the descriptors of control.h,
 * take whatever the proxy says for the word of a stranger. Must not: wait while the proxy becomes
 * ready, leave it running, or believe in a report that has no end. */
#include "egress/owner.h"

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
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "egress/reason.h"
#include "linux/control_message.h"
#include "linux/jail/launch.h"
#include "linux/programs.h"

#define MAX_DENIED 64 /* of its report: AUDIT_MAX_DESTINATIONS */
#define EXE_SLOT 5 /* the program itself; closed by its own exec or start */
#define REINSTALL "install kastellan again; in a build tree set KASTELLAN_EGRESS"

struct egress_owner {
	int socket; /* -1 = it has hung up */
	int jail; /* the jail's side */
	pid_t pid; /* 0 = reaped */
	int pidfd;
	bool ready;
	bool told_to_stop;
	bool told_all; /* a summary has come */
	ks_error *why; /* it said so itself */
	struct egress_report report;
};

static int fail(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(reterr, code, ABOUT(.step = "egress", .remedy = remedy),
		"the egress proxy %s: %s", what, strerror(-code));
}

static int send_config(struct egress_owner *owner, const struct egress_setup *setup)
{
	struct egress_config config = setup->config;
	bool audited = setup->audit >= 0;

	config.version = EGRESS_VERSION;
	if (audited)
		config.flags |= EGRESS_FLAG_AUDIT;
	return control_send(owner->socket, EGRESS_CONFIG, 0, &config, sizeof(config), &setup->audit,
		audited ? 1 : 0);
}

static int send_entries(struct egress_owner *owner, const struct egress_setup *setup)
{
	char text[CONTROL_MAX - sizeof(struct control_header)];
	size_t used = 0;

	for (size_t i = 0; i < setup->n_entries; i++) {
		size_t len = strlen(setup->entries[i]) + 1;
		int r = 0;

		if (len > sizeof(text))
			return -E2BIG;
		if (len > sizeof(text) - used) {
			r = control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0);
			used = 0;
		}
		if (r < 0)
			return r;
		memcpy(text + used, setup->entries[i], len);
		used += len;
	}
	return used ? control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0) : 0;
}

static int send_sockets(struct egress_owner *owner, const struct egress_setup *setup)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < setup->n_sockets; i++) {
		uint32_t kind = setup->kinds[i];

		r = control_send(owner->socket, EGRESS_SOCKETS, 0, &kind, sizeof(kind),
			&setup->sockets[i], 1);
	}
	return r;
}

/* The socket has room for all of it, so that nobody waits for the proxy to read. */
static int tell(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	int r = send_config(owner, setup);

	if (r == 0)
		r = send_entries(owner, setup);
	if (r == 0)
		r = send_sockets(owner, setup);
	if (r == 0)
		r = control_send(owner->socket, EGRESS_START, 0, NULL, 0, NULL, 0);
	/* One that is gone already has said why, or is found out below. */
	if (r == 0 || r == -EPIPE)
		return 0;
	return fail(reterr, r, "cannot be told what it may do", NULL);
}

struct pairs {
	int owner[2];
	int jail[2];
};

static int open_pairs(struct pairs *pairs, bool for_jail)
{
	memset(pairs, -1, sizeof(*pairs));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs->owner) < 0)
		return -errno;
	if (for_jail && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs->jail) < 0)
		return -errno;
	return 0;
}

static void close_pairs(struct pairs *pairs)
{
	for (int i = 0; i < 2; i++) {
		cleanup_close(&pairs->owner[i]);
		cleanup_close(&pairs->jail[i]);
	}
}

static int launch(struct egress_owner *owner, struct pairs *pairs, ks_error **reterr)
{
	static const char *argv[] = {"kastellan-egress", NULL};
	autofree struct launch *launch = calloc(1, sizeof(*launch));
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	autofd int exe = -1;
	int r = egress_program_open(&exe, reterr);

	if (r < 0)
		return r;
	if (!launch || null < 0)
		return fail(reterr, -errno, "cannot be prepared", NULL);
	for (int i = 0; i < 3; i++)
		launch_add(launch, i, null);
	launch_add(launch, EGRESS_SLOT_OWNER, pairs->owner[1]);
	launch_add(launch, EGRESS_SLOT_JAIL, pairs->jail[1]);
	launch_add(launch, EXE_SLOT, exe);
	launch->exe = EXE_SLOT;
	launch->argv = argv;
	r = launch_run(launch, &owner->pid, &owner->pidfd);
	return r < 0 ? fail(reterr, r, "cannot be started", REINSTALL) : 0;
}

static int start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	struct pairs pairs;
	int r = open_pairs(&pairs, setup->for_jail);

	r = r < 0 ? fail(reterr, r, "cannot be talked to", NULL) : launch(owner, &pairs, reterr);
	if (r == 0) {
		owner->socket = take_fd(&pairs.owner[0]);
		owner->jail = take_fd(&pairs.jail[0]);
	}
	close_pairs(&pairs);
	return r < 0 ? r : tell(owner, setup, reterr);
}

int egress_open(
	const struct egress_setup *setup, struct egress_owner **ret_owner, ks_error **reterr)
{
	struct egress_owner *owner = calloc(1, sizeof(*owner));
	int r;

	if (!owner)
		return error_oom(reterr);
	owner->socket = owner->jail = owner->pidfd = -1;
	r = start(owner, setup, reterr);
	if (r < 0) {
		egress_free(owner);
		return r;
	}
	*ret_owner = owner;
	return 0;
}

int egress_jail_socket(const struct egress_owner *owner)
{
	return owner->jail;
}

void egress_drop_jail_socket(struct egress_owner *owner)
{
	cleanup_close(&owner->jail);
	owner->jail = -1;
}

static bool is_text(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static void take_denied(struct egress_owner *owner, const struct control_message *message)
{
	struct egress_report *report = &owner->report;
	struct egress_denied denied;
	struct egress_denied *items;

	if (message->len != sizeof(denied) || report->n_denied == MAX_DENIED)
		return;
	memcpy(&denied, message->data, sizeof(denied));
	if (denied.reason >= REASON_COUNT || denied.port > UINT16_MAX ||
		!is_text(denied.host, sizeof(denied.host)) ||
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
	const char *detail = used < message->len ? message->data + used : "";
	int code = message->header.value > 0 ? message->header.value : EIO;

	ks_error_free(owner->why);
	owner->why = NULL;
	error_set(&owner->why, -code,
		ABOUT(.step = "egress", .field = "net",
			.remedy = "see what this kernel offers with kastellan doctor"),
		"the egress proxy cannot be confined or made ready: %s%s%s: %s",
		message->len ? message->data : "unknown step", *detail ? ": " : "", detail,
		strerror(code));
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

	while (owner->socket >= 0 && (r = control_receive(owner->socket, &message)) > 0) {
		control_message_drop_fds(&message);
		take(owner, &message);
	}
	/* Its end is waited for; without a socket it cannot go on either. */
	if (r < 0) {
		cleanup_close(&owner->socket);
		owner->socket = -1;
	}
}

static bool reap(struct egress_owner *owner, int patience_ms)
{
	struct pollfd ended = {.fd = owner->pidfd, .events = POLLIN};
	int status = 0;

	if (!owner->pid)
		return true;
	while (poll(&ended, 1, patience_ms) < 0 && errno == EINTR)
		;
	if (!ended.revents)
		return false;
	while (waitpid(owner->pid, &status, 0) < 0 && errno == EINTR)
		;
	owner->pid = 0;
	owner->report.status = status;
	owner->report.died = !owner->told_to_stop || !owner->told_all;
	cleanup_close(&owner->pidfd);
	owner->pidfd = -1;
	return true;
}

int egress_fd(const struct egress_owner *owner)
{
	/* Hung up by the end of the proxy, which is the last thing it does. */
	return owner->socket >= 0 ? owner->socket : owner->pidfd;
}

bool egress_dispatch(struct egress_owner *owner)
{
	hear(owner);
	return owner->socket < 0 && reap(owner, 0);
}

static int say_why(struct egress_owner *owner, ks_error **reterr)
{
	if (owner->why) {
		int code = ks_error_code(owner->why);

		if (reterr)
			*reterr = take_ptr(owner->why);
		return code;
	}
	return error_set(reterr, -ECHILD,
		ABOUT(.step = "egress", .field = "net", .remedy = REINSTALL),
		"the egress proxy ended before it was ready");
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
			return say_why(owner, reterr);
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
	if (owner->pid) {
		syscall(SYS_pidfd_send_signal, owner->pidfd, SIGKILL, NULL, 0);
		reap(owner, -1);
	}
	cleanup_close(&owner->socket);
	cleanup_close(&owner->jail);
	cleanup_close(&owner->pidfd);
	ks_error_free(owner->why);
	free(owner->report.denied);
	free(owner);
}
