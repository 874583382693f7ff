/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "mcp/state.h"

#define PATIENCE_MS 2000 /* a pause that a request waits for; a longer one is told at once */

static const struct slot_limits limits = {.backoff_ms = 1000, .max_backoff_ms = 60000};

static void event(struct serve *serve, enum slot_event event)
{
	slot_event(&serve->slot, &limits, event, clock_now());
}

static void report(const struct serve *serve, const ks_error *error)
{
	if (error && serve->options->report)
		serve->options->report(error);
}

static int could_not_start(struct serve *serve, ks_error *error)
{
	if (!error)
		return -ENOMEM;
	if (ks_error_fault(error) == KS_FAULT_NONE)
		fault_mark(error, KS_FAULT_START);
	report(serve, error);
	session_ended(&serve->session, error, true);
	ks_error_free(error);
	return 0;
}

static int start(struct serve *serve)
{
	const struct serve_options *options = serve->options;
	struct ks_run_options run = *options->run;
	ks_child *child = NULL;
	ks_error *error = NULL;
	int r;

	for (int i = 0; i < 3; i++)
		run.stdio[i] = KS_STDIO_PIPE;
	run.timeout_ms = 0;
	event(serve, SLOT_START);
	r = ks_child_spawn(options->backend, options->policy, options->argv, &run, &child, &error);
	if (r == 0 && channel_new(child, MESSAGE_BYTES, &serve->channel) < 0)
		r = error_oom(&error);
	if (r < 0) {
		event(serve, SLOT_FAILED);
		event(serve, SLOT_GONE);
		return could_not_start(serve, error);
	}
	event(serve, SLOT_STARTED);
	serve->shown = 0;
	return session_started(&serve->session, clock_now());
}

int serve_start(struct serve *serve)
{
	uint64_t now = clock_now();
	ks_error *error = NULL;

	if (serve->channel || serve->signal || !session_wants_server(&serve->session))
		return 0;
	if (serve->slot.retry_at <= now)
		return start(serve);
	if (serve->slot.retry_at - now <= PATIENCE_MS)
		return 0;
	fault_error(&error, KS_FAULT_BACKOFF, serve->name,
		"look at the errors before this one; it is tried again after the pause",
		"the server failed %u times, and the next start is in %" PRIu64 " ms",
		serve->slot.failures, serve->slot.retry_at - now);
	return could_not_start(serve, error);
}

/* What the server wrote to its stderr goes where its starter looks for it, as far as that is read.
 */
static void show_errors(struct serve *serve)
{
	const struct ring *errors = &serve->channel->errors;
	struct pollfd writable = {.fd = serve->options->err, .events = POLLOUT};
	char bytes[KS_WORKERS_STDERR];

	while (serve->shown < errors->total) {
		uint64_t fresh = errors->total - serve->shown;
		size_t len = ring_tail(
			errors, bytes, fresh < sizeof(bytes) ? (size_t)fresh : sizeof(bytes));
		ssize_t n = 0;

		if (serve->options->err >= 0 &&
			(poll(&writable, 1, 0) <= 0 || !(writable.revents & POLLOUT)))
			return;
		if (serve->options->err >= 0)
			n = write(
				serve->options->err, bytes, len < WRITE_BYTES ? len : WRITE_BYTES);
		serve->shown = errors->total - len + (n > 0 ? (size_t)n : len);
	}
}

/* The server is over: it ended, or cannot be trusted any more. */
static int end_server(struct serve *serve, const struct verdict *verdict)
{
	bool expected = verdict->fault == KS_FAULT_CRASH &&
			(serve->stopped || serve->input_ended) && !session_busy(&serve->session);
	struct channel *channel = serve->channel;
	ks_error *error = NULL;

	channel_kill(channel);
	show_errors(serve);
	fault_worker_error(
		&error, verdict, serve->name, channel_take_outcome(channel), &channel->errors);
	channel_free(channel);
	serve->channel = NULL;
	event(serve, SLOT_FAILED);
	event(serve, SLOT_GONE);
	if (!error)
		return -ENOMEM;
	if (!expected)
		report(serve, error);
	session_ended(&serve->session, error, false);
	ks_error_free(error);
	return 0;
}

/* A line that is none of the protocol's is for a person to read. */
static void show_line(const struct serve *serve, const char *line, size_t len)
{
	struct pollfd writable = {.fd = serve->options->err, .events = POLLOUT};
	ssize_t n;

	if (serve->options->err < 0 || poll(&writable, 1, 0) <= 0)
		return;
	n = write(serve->options->err, line, len < WRITE_BYTES ? len : WRITE_BYTES);
	if (n > 0)
		n = write(serve->options->err, "\n", 1);
	(void)n; /* it may be lost, as with any log */
}

static int take_server_lines(struct serve *serve, struct verdict *verdict)
{
	struct session *session = &serve->session;
	const char *line;
	size_t len;
	int r;

	while ((r = channel_line(serve->channel, &line, &len, verdict)) > 0) {
		size_t waiting = session->of_client.len;

		r = session_server(session, line, len, clock_now(), verdict);
		if (r < 0)
			return r;
		if (r > 0)
			show_line(serve, line, len);
		if (session->of_client.len < waiting)
			event(serve, SLOT_ANSWERED);
	}
	return r < 0 && verdict->fault == KS_FAULT_NONE ? -ENOMEM : r;
}

int serve_read(struct serve *serve, bool child)
{
	struct channel *channel = serve->channel;
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	int r;

	channel_read(channel, child || channel->ended);
	show_errors(serve);
	r = take_server_lines(serve, &verdict);
	if (r == 0 && channel->ended && (channel->out < 0 || channel->len == 0))
		r = verdict_set(&verdict, KS_FAULT_CRASH, "ended");
	if (r < 0 && verdict.fault == KS_FAULT_NONE)
		return r;
	return r < 0 ? end_server(serve, &verdict) : 0;
}

void serve_write(struct serve *serve)
{
	struct strbuf *from = &serve->session.to_server;
	struct channel *channel = serve->channel;

	if (!channel)
		return;
	if (from->len)
		strbuf_add(&channel->output, from->data, from->len);
	from->len = 0;
	channel_flush(channel);
	if (serve->input_ended && channel->in >= 0 && !channel_pending(channel) &&
		!session_wants_server(&serve->session) && !*serve->session.replay)
		channel_close_input(channel);
}

/* Requests that have waited too long. A server that has written nothing since the oldest was sent
 * hangs, and is ended; another one works on something else, and is asked to let the request be. */
int serve_expire(struct serve *serve)
{
	uint64_t timeout = serve->options->timeout_ms, now = clock_now();
	uint64_t oldest = session_oldest(&serve->session);
	struct verdict verdict;
	ks_error *error = NULL;

	if (!timeout || !oldest || !serve->channel || now < oldest + timeout)
		return 0;
	verdict_set(&verdict, KS_FAULT_TIMEOUT, "did not answer within %" PRIu64 " ms", timeout);
	if (serve->session.heard <= oldest)
		return end_server(serve, &verdict);
	fault_worker_error(&error, &verdict, serve->name, NULL, NULL);
	if (!error)
		return -ENOMEM;
	session_expire(&serve->session, now - timeout + 1, error);
	ks_error_free(error);
	return 0;
}
