/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "mcp/state.h"

void server_show(struct server *server)
{
	const struct ring *errors = &server->channel->errors;
	struct pollfd writable = {.fd = server->serve->options->err, .events = POLLOUT};
	char bytes[KS_WORKERS_STDERR];

	while (server->shown < errors->total) {
		uint64_t fresh = errors->total - server->shown;
		size_t len = ring_tail(
			errors, bytes, fresh < sizeof(bytes) ? (size_t)fresh : sizeof(bytes));
		ssize_t n = 0;

		if (writable.fd >= 0 &&
			(poll(&writable, 1, 0) <= 0 || !(writable.revents & POLLOUT)))
			return;
		if (writable.fd >= 0)
			n = write(writable.fd, bytes, len < WRITE_BYTES ? len : WRITE_BYTES);
		server->shown = errors->total - len + (n > 0 ? (size_t)n : len);
	}
}

/* A line that is none of the protocol's is for a person to read. */
static void show_line(const struct server *server, const char *line, size_t len)
{
	struct pollfd writable = {.fd = server->serve->options->err, .events = POLLOUT};
	ssize_t n;

	if (writable.fd < 0 || poll(&writable, 1, 0) <= 0)
		return;
	n = write(writable.fd, line, len < WRITE_BYTES ? len : WRITE_BYTES);
	if (n > 0)
		n = write(writable.fd, "\n", 1);
	(void)n; /* it may be lost, as with any log */
}

static int take_server_lines(struct server *server, struct verdict *verdict)
{
	struct session *session = &server->session;
	const char *line;
	size_t len;
	int r;

	while ((r = channel_line(server->channel, &line, &len, verdict)) > 0) {
		size_t waiting = session->of_client.len;

		/* What it still says on its way out nobody has asked for. */
		if (server->leaving)
			continue;
		r = session_server(session, line, len, clock_now(), verdict);
		if (r < 0)
			return r;
		if (r > 0)
			show_line(server, line, len);
		if (session->of_client.len < waiting) {
			slot_event(&server->slot, &(struct slot_limits){0}, SLOT_ANSWERED,
				clock_now());
			server->used = clock_now();
		}
	}
	return r < 0 && verdict->fault == KS_FAULT_NONE ? -ENOMEM : r;
}

int server_read(struct server *server, bool child)
{
	struct channel *channel = server->channel;
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	int r;

	channel_read(channel, child || channel->ended);
	channel_confirm_output(channel);
	server_show(server);
	r = take_server_lines(server, &verdict);
	if (r == 0 && channel->ended && (channel->out < 0 || channel->len == 0))
		r = verdict_set(&verdict, KS_FAULT_CRASH, "ended");
	if (r < 0 && verdict.fault == KS_FAULT_NONE)
		return r;
	return r < 0 ? server_end(server, &verdict) : 0;
}

void server_write(struct server *server)
{
	struct strbuf *from = &server->session.to_server;
	struct serve *serve = server->serve;
	struct channel *channel = server->channel;

	if (!channel || server->leaving)
		return;
	if (from->len)
		strbuf_add(&channel->output, from->data, from->len);
	from->len = 0;
	channel_flush(channel);
	if (serve->input_ended && channel->in >= 0 && !channel_pending(channel) &&
		!session_wants_server(&server->session) && !*server->session.replay &&
		!(serve->options->merged && router_busy(&serve->router)))
		channel_close_input(channel);
}

size_t server_backlog(const struct server *server)
{
	const struct session *session = &server->session;
	const struct channel *channel = server->channel;
	const struct serve *serve = server->serve;
	size_t waits = session->held.len + session->to_server.len + server->queue.len;

	if (serve->options->merged)
		waits += serve->router.peers[server - serve->servers].to_server.len;
	return waits + (channel ? channel->output.len - channel->written : 0);
}

/* A request that leaves traces in a server: one of single use gets no second one. */
static bool is_use(const struct message *message)
{
	static const char *const others[] = {"initialize", "ping", "tools/list", "prompts/list",
		"resources/list", "resources/templates/list", "logging/setLevel"};

	if (message->kind != MESSAGE_REQUEST)
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (message_method_is(message, others[i]))
			return false;
	return true;
}

static size_t line_length(const struct strbuf *lines, size_t at)
{
	const char *end = memchr(lines->data + at, '\n', lines->len - at);

	return (size_t)(end - (lines->data + at));
}

static void cut_line(struct strbuf *lines, size_t at, size_t len)
{
	memmove(lines->data + at, lines->data + at + len + 1, lines->len - at - len - 1);
	lines->len -= len + 1;
}

/* A request that was given up before its turn. */
static void cut_cancelled(struct strbuf *queue, const struct message *cancellation)
{
	struct span id;
	size_t len;

	if (!message_method_is(cancellation, "notifications/cancelled") ||
		message_member(cancellation, cancellation->params, "requestId", &id) <= 0)
		return;
	for (size_t at = 0; at < queue->len; at += len + 1) {
		struct message message;
		const char *why = NULL;

		len = line_length(queue, at);
		if (message_read(queue->data + at, len, &message, &why) < 0 ||
			message.id.end - message.id.at != id.end - id.at ||
			memcmp(message.text + message.id.at, cancellation->text + id.at,
				id.end - id.at) != 0)
			continue;
		cut_line(queue, at, len);
		return;
	}
}

int server_give(struct server *server, const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);
	bool use = r == 0 && is_use(&message);

	if (r == -ENOMEM)
		return r;
	if (server->queue.len)
		cut_cancelled(&server->queue, &message);
	if (use && server->what->single_use &&
		(server->queue.len || session_busy(&server->session))) {
		strbuf_add(&server->queue, line, len);
		strbuf_putc(&server->queue, '\n');
		return server->queue.error;
	}
	server->uses += use;
	return session_client(&server->session, line, len, clock_now());
}

/* The next request of those that wait for a server of their own. */
static int next_use(struct server *server)
{
	size_t len;
	int r;

	if (!server->queue.len || session_busy(&server->session) || server->uses)
		return 0;
	len = line_length(&server->queue, 0);
	server->uses = 1;
	r = session_client(&server->session, server->queue.data, len, clock_now());
	cut_line(&server->queue, 0, len);
	return r;
}

/* What the servers have said, as far as the client reads it. */
static int hand_to_router(struct serve *serve, size_t index)
{
	struct server *server = &serve->servers[index];
	struct strbuf *from = &server->session.to_client;
	int r = 0;

	if (server->revived != server->session.revived)
		r = router_revived(&serve->router, index);
	server->revived = server->session.revived;
	while (r == 0 && server->handed < from->len && serve->router.to_client.len < HIGH_WATER) {
		size_t len = line_length(from, server->handed);

		serve->router.peers[index].full = server_backlog(server) > HIGH_WATER;
		r = router_server(&serve->router, index, from->data + server->handed, len);
		server->handed += len + 1;
	}
	if (server->handed == from->len)
		server->handed = from->len = 0;
	return r;
}

static int hand_to_server(struct serve *serve, size_t index)
{
	struct strbuf *from = &serve->router.peers[index].to_server;
	int r = 0;

	for (size_t at = 0, len; r == 0 && at < from->len; at += len + 1) {
		len = line_length(from, at);
		r = server_give(&serve->servers[index], from->data + at, len);
	}
	from->len = 0;
	return r < 0 ? r : next_use(&serve->servers[index]);
}

static void tell_notes(struct serve *serve)
{
	struct strbuf *notes = &serve->router.notes;

	for (size_t at = 0, len; at < notes->len; at += len + 1) {
		ks_error *error = NULL;

		len = line_length(notes, at);
		error_set(
			&error, -EPROTO, ABOUT(.step = "mcp"), "%.*s", (int)len, notes->data + at);
		if (error && serve->options->report)
			serve->options->report(error);
		ks_error_free(error);
	}
	notes->len = 0;
}

int serve_route(struct serve *serve)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < serve->n_servers; i++) {
		serve->router.peers[i].running = serve->servers[i].channel != NULL;
		r = hand_to_router(serve, i);
	}
	for (size_t i = 0; r == 0 && i < serve->n_servers; i++)
		r = hand_to_server(serve, i);
	tell_notes(serve);
	return r;
}
