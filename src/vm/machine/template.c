/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot of a guest that is up and has been told nothing: no worker has run in it, and what it
 * is told later (the worker, random numbers, the time) comes as to any other. Should: write it only
 * when the guest has said HELLO, and nothing else. The machine runs meanwhile: one that stood still
 * would do so when it is restored, too. The snapshot is asked of the emulator by its monitor's
 * protocol (QMP), a line of JSON each way. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "linux/control_message.h"
#include "linux/init/message.h"
#include "vm/machine/keeper.h"

#define STEP "template"
#define PATIENCE_MS 120000 /* for the boot and the writing, on a loaded machine */
#define LINE 4096
#define PAUSE_MS 5 /* between two questions whether it is written */

struct monitor {
	int fd;
	int64_t deadline;
	char line[LINE];
	size_t len; /* of what is there of the next line */
};

/* False: the time is over, or nobody is there who wants the snapshot. */
static bool await(const struct monitor *monitor, int fd)
{
	for (;;) {
		struct pollfd fds[] = {{fd, POLLIN, 0}, {MACHINE_SLOT_CONTROL, 0, 0}};
		int64_t left = monitor->deadline - clock_ms();
		int n = left > 0 ? poll(fds, 2, (int)left) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		return n > 0 && !fds[1].revents;
	}
}

/* The guest's first bytes, if it has a pulse until then. Their number; 0 at the end, and with why
 * where the guest is lost. */
static ssize_t hear(struct keeper *keeper, const struct monitor *monitor, const char **ret_why)
{
	struct pollfd fds[] = {{keeper->channel, POLLIN, 0}, {MACHINE_SLOT_CONTROL, 0, 0}};
	size_t room = 0;
	uint8_t *bytes = inbox_free(&keeper->inbox, &room);

	while (clock_ms() < monitor->deadline) {
		int n = poll(fds, 2, PULSE_EVERY_MS);

		if (n > 0 && fds[1].revents)
			return 0;
		if (n > 0)
			return recv(keeper->channel, bytes, room, MSG_DONTWAIT);
		*ret_why = keeper_feel(keeper);
		if (*ret_why)
			return 0;
	}
	return 0;
}

/* The next line, without its end; NULL at the end of all. */
static const char *next_line(struct monitor *monitor, size_t *used)
{
	memmove(monitor->line, monitor->line + *used, monitor->len - *used);
	monitor->len -= *used;
	*used = 0;
	for (;;) {
		char *end = memchr(monitor->line, '\n', monitor->len);
		ssize_t n;

		if (end) {
			*end = '\0';
			*used = (size_t)(end + 1 - monitor->line);
			return monitor->line;
		}
		if (monitor->len == LINE || !await(monitor, monitor->fd))
			return NULL;
		n = read(monitor->fd, monitor->line + monitor->len, LINE - monitor->len);
		if (n <= 0)
			return NULL;
		monitor->len += (size_t)n;
	}
}

/* Sends a command, with a descriptor where fd is one, and returns its answer's line. Events that
 * come in between are passed over. */
static const char *ask(struct monitor *monitor, size_t *used, const char *command, int fd)
{
	struct iovec text = {(void *)command, strlen(command)};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
	const char *line;

	if (fd >= 0) {
		struct cmsghdr *head = &control.align;

		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	if (sendmsg(monitor->fd, &message, MSG_NOSIGNAL) != (ssize_t)text.iov_len)
		return NULL;
	do {
		line = next_line(monitor, used);
	} while (line && strstr(line, "\"event\":"));
	return line;
}

static bool is_done(const char *answer)
{
	return answer && strstr(answer, "\"return\":") && !strstr(answer, "\"error\":");
}

/* 0, or what went wrong is in the failure. */
static int save(struct monitor *monitor, struct failure *failure)
{
	static const struct {
		const char *text;
		int fd;
	} commands[] = {
		{"{\"execute\":\"qmp_capabilities\"}\n", -1},
		/* Without it the stream is as slow as a network may be. */
		{"{\"execute\":\"migrate-set-parameters\",\"arguments\":"
		 "{\"max-bandwidth\":1099511627776}}\n",
			-1},
		{"{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"template\"}}\n",
			MACHINE_SLOT_TEMPLATE},
		{"{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:template\"}}\n", -1},
	};
	size_t used = 0;
	const char *answer = next_line(monitor, &used); /* the greeting */

	for (size_t i = 0; answer && i < sizeof(commands) / sizeof(commands[0]); i++) {
		answer = ask(monitor, &used, commands[i].text, commands[i].fd);
		if (!is_done(answer))
			return failure_set(failure, EIO, STEP, commands[i].text);
	}
	do {
		poll(NULL, 0, PAUSE_MS);
		answer = ask(monitor, &used, "{\"execute\":\"query-migrate\"}\n", -1);
	} while (is_done(answer) && !strstr(answer, "\"status\": \"completed\"") &&
		 !strstr(answer, "\"status\": \"failed\""));
	if (!is_done(answer) || strstr(answer, "\"status\": \"failed\""))
		return failure_set(failure, EIO, STEP, "the emulator does not write it");
	return 0;
}

/* The guest's first frame, and no other. */
static int greet(struct keeper *keeper, const struct monitor *monitor, struct failure *failure)
{
	struct frame_header header;
	const uint8_t *payload = NULL;
	const char *why = NULL;

	while (keeper->judge.phase < JUDGE_GREETED) {
		ssize_t n = hear(keeper, monitor, &why);

		if (why)
			return failure_set(failure, MACHINE_NOT_UP, STEP, why);
		if (n <= 0)
			return failure_set(failure, ETIMEDOUT, STEP, "the guest does not come up");
		inbox_filled(&keeper->inbox, (size_t)n);
		if (inbox_next(&keeper->inbox, TO_HOST, &header, &payload, &why) == 1)
			why = judge_frame(&keeper->judge, &header, payload);
		if (why)
			return failure_set(failure, EPROTO, STEP, why);
	}
	return keeper->inbox.start == keeper->inbox.end
		       ? 0
		       : failure_set(failure, EPROTO, STEP, "the guest says more than HELLO");
}

void template_run(struct keeper *keeper)
{
	static struct monitor monitor;
	struct failure failure;
	int r, status;

	monitor.fd = keeper->monitor;
	monitor.deadline = clock_ms() + PATIENCE_MS;
	r = greet(keeper, &monitor, &failure);
	if (r == 0)
		r = save(&monitor, &failure);
	status = r < 0 ? keeper_last(keeper) : emulator_end(&keeper->emulator);
	if (r < 0 && keeper_gave_up(keeper, status))
		failure.code = MACHINE_NOT_UP;
	if (r < 0)
		failure_send(MACHINE_SLOT_CONTROL, CONTROL_FAILED, &failure);
	else
		message_send(MACHINE_SLOT_CONTROL, CONTROL_READY, 0, NULL, 0);
}
