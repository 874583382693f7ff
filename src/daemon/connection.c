/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/event.h"
#include "base/strbuf.h"
#include "daemon/state.h"
#include "mcp/reply.h"
#include "workers/lines.h"

#define READ_BYTES 16384
#define SEND_SECONDS 10 /* for a client to make room for an answer */
/* A request within a request, and what stands around it. */
#define LINE_BYTES (KS_MAX_MESSAGE_BYTES - 1)

/* One request of a connection, in its own thread. */
struct task {
	struct connection *connection;
	char *text;
	size_t len;
};

static void unref(struct connection *connection)
{
	struct daemon *daemon = connection->daemon;
	bool last;

	pthread_mutex_lock(&daemon->lock);
	last = --connection->references == 0;
	if (last && connection->next)
		connection->next->before = connection->before;
	if (last && connection->before)
		connection->before->next = connection->next;
	else if (last)
		daemon->connections = connection->next;
	pthread_mutex_unlock(&daemon->lock);
	if (!last)
		return;
	close(connection->fd);
	close(connection->gone);
	pthread_mutex_destroy(&connection->writing);
	free(connection);
}

void connection_send(struct connection *connection, const char *text, size_t len)
{
	pthread_mutex_lock(&connection->writing);
	for (size_t done = 0; done < len;) {
		ssize_t n = send(connection->fd, text + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* Behind half an answer nothing can follow. */
			shutdown(connection->fd, SHUT_RDWR);
			event_raise(connection->gone);
			break;
		}
		done += (size_t)n;
	}
	pthread_mutex_unlock(&connection->writing);
}

static void count(struct daemon *daemon, unsigned *counter, int change)
{
	pthread_mutex_lock(&daemon->lock);
	*counter += (unsigned)change;
	pthread_cond_broadcast(&daemon->changed);
	pthread_mutex_unlock(&daemon->lock);
}

static void release(struct daemon *daemon, size_t bytes)
{
	pthread_mutex_lock(&daemon->lock);
	daemon->n_bytes -= bytes;
	pthread_mutex_unlock(&daemon->lock);
}

static int start_thread(void *(*run)(void *), void *data)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, run, data);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void *serve_task(void *data)
{
	struct task *task = data;
	struct connection *connection = task->connection;
	struct daemon *daemon = connection->daemon;
	struct message message;
	const char *why = NULL;

	if (message_read(task->text, task->len, &message, &why) == 0)
		request_serve(connection, &message);
	release(daemon, task->len);
	free(task->text);
	free(task);
	unref(connection);
	count(daemon, &daemon->n_requests, -1);
	return NULL;
}

/* Whether one more may be in progress. */
static bool admit(struct connection *connection, size_t len)
{
	struct daemon *daemon = connection->daemon;
	bool admitted;

	pthread_mutex_lock(&daemon->lock);
	admitted = daemon->n_requests < DAEMON_REQUESTS &&
		   connection->references <= DAEMON_REQUESTS_EACH &&
		   len <= DAEMON_BYTES - daemon->n_bytes;
	if (admitted) {
		daemon->n_requests++;
		daemon->n_bytes += len;
		connection->references++;
	}
	pthread_mutex_unlock(&daemon->lock);
	return admitted;
}

static int start_task(struct connection *connection, const char *line, size_t len)
{
	struct task *task = malloc(sizeof(*task));
	int r = task ? 0 : -ENOMEM;

	if (r == 0) {
		*task = (struct task){connection, strndup(line, len), len};
		r = task->text ? start_thread(serve_task, task) : -ENOMEM;
	}
	if (r == 0)
		return 0;
	if (task)
		free(task->text);
	free(task);
	release(connection->daemon, len);
	unref(connection);
	count(connection->daemon, &connection->daemon->n_requests, -1);
	return r;
}

static void send_error(
	struct connection *connection, const char *id, size_t id_len, int code, const char *text)
{
	autostrbuf struct strbuf line;
	char *copy = strndup(id, id_len);

	strbuf_init(&line, KS_MAX_TEXT);
	if (copy)
		reply_error(&line, copy, code, text);
	if (copy && !line.error)
		connection_send(connection, line.data, line.len);
	free(copy);
}

static void take_line(struct connection *connection, const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r < 0) {
		send_error(connection, "null", 4, REPLY_PARSE, why ? why : "memory ran out");
		return;
	}
	/* Nothing was asked of the client, and nothing is to be noted. */
	if (message.kind != MESSAGE_REQUEST)
		return;
	if (!admit(connection, len) || start_task(connection, line, len) < 0)
		send_error(connection, line + message.id.at, message.id.end - message.id.at,
			REPLY_FAULT, "too many requests are in progress");
}

/* false: this stream has no further lines. */
static bool take_bytes(
	struct connection *connection, struct lines *lines, const char *bytes, size_t n)
{
	for (size_t at = 0, used = 0; at < n; at += used) {
		const char *line;
		size_t len;
		int r = lines_next(lines, bytes + at, n - at, &used, &line, &len);

		if (r < 0) {
			send_error(connection, "null", 4, REPLY_PARSE,
				r == -E2BIG ? "the message is longer than its bound"
					    : "the message is not UTF-8, or nested too deep");
			return false;
		}
		if (r > 0)
			take_line(connection, line, len);
	}
	return true;
}

/* Until the client has closed both directions, or everything ends: requests whose answers nobody
 * reads any more are cancelled then. A client may close the one direction and wait. */
static void watch_end(const struct connection *connection)
{
	struct pollfd fds[] = {{.fd = connection->fd, .events = 0},
		{.fd = connection->daemon->stop, .events = POLLIN},
		{.fd = connection->gone, .events = POLLIN}};

	for (;;) {
		bool busy;

		pthread_mutex_lock(&connection->daemon->lock);
		busy = connection->references > 1;
		pthread_mutex_unlock(&connection->daemon->lock);
		if (!busy || (poll(fds, 3, 50) > 0 &&
				     (fds[0].revents || fds[1].revents || fds[2].revents)))
			return;
	}
}

static void read_lines(struct connection *connection)
{
	struct pollfd fds[] = {{.fd = connection->fd, .events = POLLIN},
		{.fd = connection->daemon->stop, .events = POLLIN},
		{.fd = connection->gone, .events = POLLIN}};
	struct lines lines;
	bool more = true;

	lines_init(&lines, LINE_BYTES);
	while (more) {
		char bytes[READ_BYTES];
		ssize_t n;

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents || fds[2].revents)
			break;
		n = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			more = take_bytes(connection, &lines, bytes, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			more = false;
	}
	lines_done(&lines);
}

static void *serve_connection(void *data)
{
	struct connection *connection = data;
	struct daemon *daemon = connection->daemon;

	read_lines(connection);
	watch_end(connection);
	event_raise(connection->gone);
	unref(connection);
	count(daemon, &daemon->n_connections, -1);
	return NULL;
}

/* Only the user whom the daemon belongs to, and root. */
static bool may_connect(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static struct connection *connection_new(struct daemon *daemon, int fd)
{
	const struct timeval patience = {.tv_sec = SEND_SECONDS};
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->gone = event_new();
	if (connection->gone < 0) {
		free(connection);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	connection->daemon = daemon;
	connection->fd = fd;
	connection->references = 1;
	pthread_mutex_init(&connection->writing, NULL);
	pthread_mutex_lock(&daemon->lock);
	connection->next = daemon->connections;
	if (connection->next)
		connection->next->before = connection;
	daemon->connections = connection;
	daemon->n_connections++;
	pthread_mutex_unlock(&daemon->lock);
	return connection;
}

void connection_start(struct daemon *daemon, int fd)
{
	struct connection *connection = NULL;
	bool room;

	pthread_mutex_lock(&daemon->lock);
	room = daemon->n_connections < DAEMON_CONNECTIONS;
	pthread_mutex_unlock(&daemon->lock);
	if (room && may_connect(fd))
		connection = connection_new(daemon, fd);
	if (!connection) {
		close(fd);
		return;
	}
	if (start_thread(serve_connection, connection) < 0) {
		unref(connection);
		count(daemon, &daemon->n_connections, -1);
	}
}
