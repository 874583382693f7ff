/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "supervise/child.h"

#define SETTLE_MS 500

static int take_stream(ks_child *child, int stream, int *ret_fd)
{
	int fd = ks_child_take_stdio(child, stream);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	*ret_fd = fd;
	/* A stub of a backend has no streams: its worker has ended already. */
	if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return -errno;
	return 0;
}

static int watch(const struct channel *channel, int stop)
{
	const struct {
		int fd;
		uint32_t what;
	} rows[] = {
		{ks_child_fd(channel->child), CHANNEL_CHILD},
		{channel->out, CHANNEL_OUT},
		{channel->err, CHANNEL_ERR},
		{stop, CHANNEL_STOP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = rows[i].what};

		if (rows[i].fd >= 0 &&
			epoll_ctl(channel->watch, EPOLL_CTL_ADD, rows[i].fd, &event) < 0)
			return -errno;
	}
	return 0;
}

int channel_wait(const struct channel *channel, int timeout_ms)
{
	struct epoll_event events[4];
	int n = epoll_wait(channel->watch, events, 4, timeout_ms);
	int what = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	while (n)
		what |= (int)events[--n].data.u32;
	return what;
}

int channel_wake_by(const struct channel *channel, uint64_t until)
{
	return child_wake_by(channel->child, until * 1000);
}

static int open_streams(struct channel *channel, int stop)
{
	int r = take_stream(channel->child, 0, &channel->in);

	if (r == 0)
		r = take_stream(channel->child, 1, &channel->out);
	if (r == 0)
		r = take_stream(channel->child, 2, &channel->err);
	if (r < 0)
		return r;
	channel->watch = epoll_create1(EPOLL_CLOEXEC);
	return channel->watch < 0 ? -errno : watch(channel, stop);
}

int channel_new(ks_child *child, size_t max_message, int stop, struct channel **ret_channel)
{
	struct channel *channel = malloc(sizeof(*channel));
	int r;

	if (!channel) {
		ks_child_free(child);
		return -ENOMEM;
	}
	/* Not the buffers: zeroing them would cost more than starting does. */
	memset(channel, 0, offsetof(struct channel, bytes));
	channel->at = channel->len = 0;
	channel->received = channel->id = 0;
	channel->ended = channel->deaf = channel->unheard = false;
	channel->errors.at = channel->errors.len = 0;
	channel->errors.total = 0;
	channel->child = child;
	channel->in = channel->out = channel->err = channel->watch = channel->audit = -1;
	channel->max_message = max_message;
	strbuf_init(&channel->output, KS_MAX_TEXT);
	lines_init(&channel->lines, max_message);
	r = open_streams(channel, stop);
	if (r < 0) {
		channel_free(channel);
		return r;
	}
	*ret_channel = channel;
	return 0;
}

static void close_stream(int *slot)
{
	cleanup_close(slot);
	*slot = -1;
}

void channel_close_input(struct channel *channel)
{
	close_stream(&channel->in);
	channel->output.len = channel->written = 0;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	close_stream(&channel->in);
	close_stream(&channel->out);
	close_stream(&channel->err);
	close_stream(&channel->watch);
	close_stream(&channel->audit);
	ks_child_free(channel->child);
	strbuf_done(&channel->output);
	lines_done(&channel->lines);
	free(channel);
}

/* One read; false at the end of the stream, which is closed then. */
static bool read_stream(int *stream, char *bytes, size_t size, size_t *ret_len)
{
	ssize_t n = read(*stream, bytes, size);

	*ret_len = n > 0 ? (size_t)n : 0;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return true;
	close_stream(stream);
	return false;
}

void channel_read_errors(struct channel *channel)
{
	char bytes[4096];
	size_t len = 0;

	if (channel->err >= 0 && read_stream(&channel->err, bytes, sizeof(bytes), &len))
		ring_add(&channel->errors, bytes, len);
}

void channel_supervise(struct channel *channel)
{
	/* A child that cannot be supervised any more is as good as gone. */
	if (!channel->ended)
		channel->ended = ks_child_dispatch(channel->child, NULL) != 0;
}

void channel_read_output(struct channel *channel)
{
	if (channel->at < channel->len || channel->out < 0)
		return;
	channel->at = 0;
	read_stream(&channel->out, channel->bytes, sizeof(channel->bytes), &channel->len);
	/* What is left of a tree may still have answered, as if nothing had been. */
	if (channel->child->out_of_memory)
		channel->len = 0;
	channel->received += channel->len;
}

void channel_confirm_output(struct channel *channel)
{
	if (channel->at == channel->len || channel->ended)
		return;
	channel_supervise(channel);
	if (channel->child->out_of_memory)
		channel->at = channel->len = 0;
}

void channel_read(struct channel *channel, bool child)
{
	if (child)
		channel_supervise(channel);
	channel_read_output(channel);
	channel_read_errors(channel);
}

bool channel_quiet(const struct channel *channel)
{
	return !channel->ended && channel->out >= 0 && !channel->deaf &&
	       channel->at == channel->len && channel_wait(channel, 0) == 0;
}

static int judge(struct channel *channel, int error, struct verdict *verdict)
{
	switch (error) {
	case -E2BIG:
		return verdict_set(verdict, KS_FAULT_FLOOD,
			"wrote a message of more than %zu bytes", channel->max_message);
	case -EBADMSG:
		return verdict_set(verdict, KS_FAULT_GARBAGE, "wrote a NUL");
	case -EILSEQ:
		return verdict_set(verdict, KS_FAULT_GARBAGE, "wrote bytes that are not UTF-8");
	case -ELOOP:
		return verdict_set(verdict, KS_FAULT_GARBAGE,
			"wrote a message that is nested deeper than %d levels",
			KS_MAX_MESSAGE_DEPTH);
	default:
		return verdict_set(verdict, KS_FAULT_NONE,
			"wrote a message for which there is no "
			"memory");
	}
}

int channel_line(
	struct channel *channel, const char **ret_line, size_t *ret_len, struct verdict *verdict)
{
	size_t used = 0;
	int r = lines_next(&channel->lines, channel->bytes + channel->at,
		channel->len - channel->at, &used, ret_line, ret_len);

	if (r < 0)
		return judge(channel, r, verdict);
	channel->at += used;
	return r;
}

static int look_at_line(
	struct channel *channel, const char *line, size_t len, struct verdict *verdict)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r < 0)
		return verdict_set(verdict, KS_FAULT_GARBAGE, "wrote what is no message: %s",
			why ? why : "memory ran out");
	if (message.kind == MESSAGE_RESPONSE)
		return verdict_set(
			verdict, KS_FAULT_GARBAGE, "wrote an answer that nobody waits for");
	if (message.kind == MESSAGE_REQUEST && channel_refuse(channel, &message) < 0)
		return verdict_set(verdict, KS_FAULT_FLOOD, "asks, and does not read");
	return 0;
}

/* The streams of a worker that ends are closed a moment before its end is told: time to tell that
 * from one that closes its stdout and stays. */
static void settle(struct channel *channel)
{
	for (int i = 0; i < SETTLE_MS && !channel->ended; i++) {
		struct pollfd due = {.fd = ks_child_fd(channel->child), .events = POLLIN};

		if (poll(&due, 1, 1) > 0)
			channel_read(channel, true);
	}
}

int channel_look(struct channel *channel, struct verdict *verdict)
{
	const char *line;
	size_t len;
	int r;

	channel_read(channel, true);
	while ((r = channel_line(channel, &line, &len, verdict)) > 0) {
		r = look_at_line(channel, line, len, verdict);
		if (r < 0)
			break;
	}
	if (r < 0)
		return r;
	channel_flush(channel);
	if (channel->out < 0)
		settle(channel);
	if (channel->ended)
		return verdict_set(verdict, KS_FAULT_CRASH, "ended while nobody used it");
	if (channel->out < 0 || channel->deaf)
		return verdict_set(verdict, KS_FAULT_CLOSED, "closed its %s while nobody used it",
			channel->out < 0 ? "stdout" : "stdin");
	if (channel->received > channel->max_message * CHANNEL_UNASKED)
		return verdict_set(verdict, KS_FAULT_FLOOD,
			"wrote more than %d messages' worth while nobody used it", CHANNEL_UNASKED);
	return 0;
}

void channel_kill(struct channel *channel)
{
	channel_close_input(channel);
	ks_child_kill(channel->child);
	if (!channel->ended)
		ks_child_wait(channel->child, NULL);
	channel->ended = true;
	/* Nobody writes any more: at most a pipe's worth is left. */
	for (int i = 0; i < 32 && channel->err >= 0; i++)
		channel_read_errors(channel);
}

ks_outcome *channel_take_outcome(struct channel *channel)
{
	return take_ptr(channel->child->outcome);
}
