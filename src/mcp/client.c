/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "mcp/state.h"

#define LAST_ANSWERS_MS 30000 /* END_MS while a server still owes answers */

static struct session *first_session(struct serve *serve)
{
	return &serve->servers[0].session;
}

struct strbuf *client_output(struct serve *serve)
{
	return serve->options->merged ? &serve->router.to_client : &first_session(serve)->to_client;
}

static bool busy(struct serve *serve)
{
	return serve->options->merged ? router_busy(&serve->router)
				      : session_busy(first_session(serve));
}

int client_end_input(struct serve *serve)
{
	serve->input_ended = true;
	serve->end_by = clock_now() + (busy(serve) ? LAST_ANSWERS_MS : END_MS);
	return 0;
}

/* Behind a message that cannot be cut out nobody knows where the next one begins. */
static int refuse_input(struct serve *serve, int why)
{
	reply_error(client_output(serve), "null", REPLY_PARSE,
		why == -E2BIG ? "the message is longer than 8 MiB"
			      : "the message is not UTF-8, or is nested too deep");
	return client_end_input(serve);
}

static int take_line(struct serve *serve, const char *line, size_t len)
{
	if (!serve->options->merged)
		return session_client(first_session(serve), line, len, clock_now());
	/* One who does not read must not keep the client from the others. */
	for (size_t i = 0; i < serve->n_servers; i++)
		serve->router.peers[i].full = server_backlog(&serve->servers[i]) > HIGH_WATER;
	return router_client(&serve->router, line, len);
}

int client_read(struct serve *serve)
{
	char bytes[CHANNEL_READ];
	ssize_t n = read(serve->options->in, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return client_end_input(serve);
	for (size_t at = 0, used = 0; at < (size_t)n; at += used) {
		const char *line;
		size_t len;
		int r = lines_next(&serve->lines, bytes + at, (size_t)n - at, &used, &line, &len);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return refuse_input(serve, r);
		if (r > 0)
			r = take_line(serve, line, len);
		if (r < 0)
			return r;
	}
	return 0;
}

void client_write(struct serve *serve)
{
	struct strbuf *to = client_output(serve);
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
