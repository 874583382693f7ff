/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "mcp/state.h"

#define HIGH_WATER (1 << 20) /* so much waits for a side before the other is not read any more */
#define END_MS 2000 /* for a server to end by itself when its client has gone */
#define LAST_ANSWERS_MS 30000 /* the same while it still owes answers */

static int end_input(struct serve *serve)
{
	serve->input_ended = true;
	serve->end_by = clock_now() + (session_busy(&serve->session) ? LAST_ANSWERS_MS : END_MS);
	return 0;
}

/* Behind a message that cannot be cut out nobody knows where the next one begins. */
static int refuse_input(struct serve *serve, int why)
{
	reply_error(&serve->session.to_client, "null", REPLY_PARSE,
		why == -E2BIG ? "the message is longer than 8 MiB"
			      : "the message is not UTF-8, or is nested too deep");
	return end_input(serve);
}

static int read_client(struct serve *serve)
{
	char bytes[CHANNEL_READ];
	ssize_t n = read(serve->options->in, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return end_input(serve);
	for (size_t at = 0, used = 0; at < (size_t)n; at += used) {
		const char *line;
		size_t len;
		int r = lines_next(&serve->lines, bytes + at, (size_t)n - at, &used, &line, &len);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return refuse_input(serve, r);
		if (r > 0)
			r = session_client(&serve->session, line, len, clock_now());
		if (r < 0)
			return r;
	}
	return 0;
}

static void write_client(struct serve *serve)
{
	struct strbuf *to = &serve->session.to_client;
	int out = serve->options->out;

	while (serve->sent < to->len && !serve->client_gone) {
		struct pollfd writable = {.fd = out, .events = POLLOUT};
		size_t len = to->len - serve->sent;
		ssize_t n;

		if (poll(&writable, 1, 0) <= 0)
			return;
		n = send(out, to->data + serve->sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = write(
				out, to->data + serve->sent, len < WRITE_BYTES ? len : WRITE_BYTES);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		serve->client_gone = n < 0;
		serve->sent += n > 0 ? (size_t)n : 0;
	}
	to->len = serve->sent = 0;
}

static void take_signals(struct serve *serve)
{
	struct signalfd_siginfo info;

	while (read(serve->options->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int number = (int)info.ssi_signo;
		bool ends = number == SIGTERM || number == SIGINT || number == SIGHUP;

		if (ends && !serve->signal) {
			serve->signal = number;
			serve->end_by = clock_now();
		} else if (!ends && serve->channel) {
			ks_child_signal(serve->channel->child, number);
		}
	}
}

/* The client has gone, or a signal came: the server gets its time, and then SIGTERM; SIGKILL comes
 * from the child itself. */
static void hurry(struct serve *serve)
{
	uint64_t now = clock_now();

	if (serve->client_gone && !serve->input_ended)
		end_input(serve);
	if (serve->input_ended && !session_busy(&serve->session) && serve->end_by > now + END_MS)
		serve->end_by = now + END_MS;
	if (!serve->channel || serve->stopped || now < serve->end_by)
		return;
	serve->stopped = true;
	ks_child_stop(serve->channel->child);
}

static bool over(const struct serve *serve)
{
	if (serve->channel)
		return false;
	if (serve->signal || serve->client_gone)
		return true;
	return serve->input_ended && !session_wants_server(&serve->session) &&
	       !serve->session.to_client.len;
}

static int time_left(const struct serve *serve)
{
	uint64_t until = serve->stopped ? SLOT_NEVER : serve->end_by;
	uint64_t oldest = session_oldest(&serve->session);

	if (serve->options->timeout_ms && oldest && oldest + serve->options->timeout_ms < until)
		until = oldest + serve->options->timeout_ms;
	if (!serve->channel && session_wants_server(&serve->session) &&
		serve->slot.retry_at < until)
		until = serve->slot.retry_at;
	return clock_left(until);
}

static int wait_and_read(struct serve *serve)
{
	const struct serve_options *options = serve->options;
	const struct session *session = &serve->session;
	const struct channel *channel = serve->channel;
	bool listens = !serve->input_ended && session->held.len < HIGH_WATER &&
		       (!channel || channel->output.len - channel->written < HIGH_WATER);
	bool hears = session->to_client.len < HIGH_WATER;
	struct pollfd fds[] = {
		{.fd = options->signals, .events = POLLIN},
		{.fd = listens ? options->in : -1, .events = POLLIN},
		{.fd = serve->client_gone ? -1 : options->out,
			.events = session->to_client.len ? POLLOUT : 0},
		{.fd = channel && !channel->ended ? ks_child_fd(channel->child) : -1,
			.events = POLLIN},
		{.fd = channel && hears ? channel->out : -1, .events = POLLIN},
		{.fd = channel && hears ? channel->err : -1, .events = POLLIN},
		{.fd = channel && channel_pending(channel) ? channel->in : -1, .events = POLLOUT},
	};
	int r = 0;

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), time_left(serve)) < 0 && errno != EINTR)
		return -errno;
	take_signals(serve);
	if (fds[2].revents & (POLLERR | POLLNVAL))
		serve->client_gone = true;
	if (fds[1].revents)
		r = read_client(serve);
	if (r == 0 && serve->channel && (hears || fds[3].revents || serve->channel->ended))
		r = serve_read(serve, fds[3].revents != 0);
	return r;
}

static int loop(struct serve *serve)
{
	int r = 0;

	while (r == 0 && !over(serve)) {
		r = serve_start(serve);
		if (r == 0)
			r = serve_expire(serve);
		serve_write(serve);
		write_client(serve);
		hurry(serve);
		if (r == 0 && !over(serve))
			r = wait_and_read(serve);
	}
	write_client(serve);
	return r;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

int mcp_serve(const struct serve_options *options, ks_error **reterr)
{
	struct serve serve = {
		.options = options, .name = base_name(options->argv[0]), .end_by = SLOT_NEVER};
	int r;

	session_init(&serve.session, options->policy);
	lines_init(&serve.lines, MESSAGE_BYTES);
	r = loop(&serve);
	channel_free(serve.channel);
	session_done(&serve.session);
	lines_done(&serve.lines);
	if (r == -ENOMEM)
		return error_oom(reterr);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "supervise"),
			"waiting for client and server failed: %s", strerror(-r));
	return serve.signal;
}
