/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for kastellan-egress where the owner's side is tested. The name of the worker says how
 * to behave; what it was told goes back as the summary. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "egress/control.h"
#include "egress/reason.h"
#include "linux/control_message.h"

extern char **environ;

static struct egress_config config;
static struct egress_summary summary;
static int audit = -1;

static void say(uint32_t type, int32_t value, const void *data, size_t len)
{
	control_send(EGRESS_SLOT_OWNER, type, value, data, len, NULL, 0);
}

static void fail(const char *text, size_t len)
{
	say(EGRESS_FAILED, EPERM, text, len);
	_exit(1);
}

static bool is(const char *behaviour)
{
	return strcmp(config.worker, behaviour) == 0;
}

/* 0 to 2, the owner's, the jail's where there is one, the resolver's program, and the own one. */
static bool descriptors_are_right(void)
{
	for (int fd = 0; fd <= EGRESS_SLOT_NAMES + 1; fd++)
		if (fd != EGRESS_SLOT_JAIL && fcntl(fd, F_GETFD) < 0)
			return false;
	for (int fd = EGRESS_SLOT_NAMES + 2; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	return true;
}

/* False when it is over. */
static bool hear(struct control_message *message)
{
	struct pollfd wait = {.fd = EGRESS_SLOT_OWNER, .events = POLLIN};
	int r;

	while ((r = control_receive(EGRESS_SLOT_OWNER, message)) == 0)
		poll(&wait, 1, -1);
	return r > 0;
}

static void be_told(void)
{
	struct control_message message;

	while (hear(&message) && message.header.type != EGRESS_START) {
		switch (message.header.type) {
		case EGRESS_CONFIG:
			memcpy(&config, message.data, sizeof(config));
			if (config.flags & EGRESS_FLAG_AUDIT)
				audit = message.fds[0];
			break;
		case EGRESS_ENTRIES:
			for (size_t at = 0; at < message.len; at += strlen(message.data + at) + 1)
				summary.connections++;
			break;
		case EGRESS_SOCKETS:
			summary.denials += message.n_fds;
			break;
		default:
			fail("message", 8);
		}
	}
}

static void deny(const char *host, uint32_t port, uint32_t reason)
{
	struct egress_denied denied = {.times = 3, .reason = reason, .port = port};

	memcpy(denied.host, host, strlen(host));
	memcpy(denied.entry, "entry:1", 8);
	say(EGRESS_DENIED, 0, &denied, sizeof(denied));
}

static void lie(void)
{
	struct egress_denied endless;

	memset(&endless, 'a', sizeof(endless));
	endless.port = 1;
	endless.reason = REASON_LIMIT;
	say(EGRESS_DENIED, 0, &endless, sizeof(endless));
	say(EGRESS_DENIED, 0, "short", 5);
	say(EGRESS_SUMMARY, 0, "short", 5);
	say(12345, 0, NULL, 0);
	deny("a\x1b[1m", 1, REASON_LIMIT);
	deny("port.example", 65536, REASON_LIMIT);
	deny("reason.example", 1, REASON_COUNT);
	deny("allowed.example", 1, REASON_ALLOWED);
	for (int i = 0; i < 100; i++)
		deny("many.example", 1, REASON_LIMIT);
}

/* Ends, and leaves its end of the socket in a process that is there until the owner has closed its
 * own. */
static void leave_copy(void)
{
	struct control_message message;

	if (fork() != 0)
		_exit(7);
	while (hear(&message))
		;
	_exit(0);
}

static void serve(void)
{
	struct control_message message;

	say(EGRESS_READY, 0, NULL, 0);
	if (is("die-later"))
		_exit(7);
	if (is("copied"))
		leave_copy();
	if (is("liar"))
		lie();
	while (is("flood"))
		say(EGRESS_READY, 0, NULL, 0);
	while (hear(&message) && (message.header.type != EGRESS_STOP || is("deaf")))
		;
	if (audit >= 0)
		(void)!write(audit, "line\n", 5);
	deny("first.example", 443, REASON_HOST_NOT_ALLOWED);
	summary.up = config.bytes;
	summary.down = config.flags;
	if (!is("wordless"))
		say(EGRESS_SUMMARY, 0, &summary, sizeof(summary));
	if (is("lingers")) {
		close(EGRESS_SLOT_OWNER);
		poll(NULL, 0, 200);
	}
}

int main(void)
{
	static const char words[] = "first line\nthe loader says no\n";

	be_told();
	if (*environ)
		fail("environment", 12);
	if (!descriptors_are_right() && audit < 0 && summary.denials == 0)
		fail("descriptors", 12);
	if (is("fail"))
		fail("landlock\0ABI 0", 15);
	if (is("fail-badly"))
		fail("no\x1b[1m end", 9);
	if (is("die")) {
		(void)!write(2, words, sizeof(words) - 1);
		_exit(127);
	}
	if (is("silent"))
		pause();
	serve();
	return 0;
}
