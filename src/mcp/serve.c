/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "mcp/state.h"

/* What is polled: signals, the client's two sides, and five of each server. */
enum { AT_SIGNALS, AT_IN, AT_OUT, AT_SERVERS };
enum { AT_CHILD, AT_STDOUT, AT_STDERR, AT_STDIN, AT_AUDIT, AT_EACH };

static void take_signals(struct serve *serve)
{
	struct signalfd_siginfo info;

	while (read(serve->options->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int number = (int)info.ssi_signo;
		bool ends = number == SIGTERM || number == SIGINT || number == SIGHUP;

		if (ends && !serve->signal) {
			serve->signal = number;
			serve->end_by = clock_now();
		}
		for (size_t i = 0; !ends && i < serve->n_servers; i++)
			if (serve->servers[i].channel)
				ks_child_signal(serve->servers[i].channel->child, number);
	}
}

static bool anyone_busy(const struct serve *serve)
{
	for (size_t i = 0; i < serve->n_servers; i++)
		if (session_busy(&serve->servers[i].session))
			return true;
	return false;
}

static uint64_t stop_time(const struct server *server)
{
	uint64_t until = server->serve->end_by;

	if (!server->channel || server->stopped)
		return SLOT_NEVER;
	return server->leaving && server->end_by < until ? server->end_by : until;
}

/* The client has gone, a signal came, or a server has done its work: it gets its time, and then
 * SIGTERM; SIGKILL comes from the child itself. */
static void hurry(struct serve *serve)
{
	uint64_t now = clock_now();

	if (serve->client_gone && !serve->input_ended)
		client_end_input(serve);
	if (serve->input_ended && !anyone_busy(serve) && serve->end_by > now + END_MS)
		serve->end_by = now + END_MS;
	for (size_t i = 0; i < serve->n_servers; i++) {
		struct server *server = &serve->servers[i];

		if (stop_time(server) > now)
			continue;
		server->stopped = true;
		ks_child_stop(server->channel->child);
	}
}

/* Something waits for the next turn of the loop. */
static bool is_left(const struct server *server)
{
	const struct serve *serve = server->serve;
	size_t index = (size_t)(server - serve->servers);

	if (session_wants_server(&server->session) || server->queue.len)
		return true;
	return serve->options->merged &&
	       (server->session.to_client.len || serve->router.peers[index].to_server.len);
}

static bool over(struct serve *serve)
{
	bool left = client_output(serve)->len > 0;

	for (size_t i = 0; i < serve->n_servers; i++) {
		if (serve->servers[i].channel)
			return false;
		left |= is_left(&serve->servers[i]);
	}
	if (serve->signal || serve->client_gone)
		return true;
	return serve->input_ended && !left;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t server_time(const struct server *server)
{
	uint64_t oldest = session_oldest(&server->session);
	uint64_t until = earlier(stop_time(server), server_due(server));

	if (server->what->timeout_ms && oldest && server->channel)
		until = earlier(until, oldest + server->what->timeout_ms);
	if (!server->channel && session_wants_server(&server->session))
		until = earlier(until, server->slot.retry_at);
	return until;
}

static int time_left(struct serve *serve)
{
	bool routes = serve->options->merged && client_output(serve)->len < HIGH_WATER;
	uint64_t until = SLOT_NEVER;

	for (size_t i = 0; i < serve->n_servers; i++) {
		if (routes && serve->servers[i].session.to_client.len)
			return 0;
		until = earlier(until, server_time(&serve->servers[i]));
	}
	return clock_left(until);
}

/* Where servers are merged one of them that does not read is refused instead. */
static bool listens(struct serve *serve)
{
	if (serve->input_ended)
		return false;
	if (serve->options->merged)
		return client_output(serve)->len < HIGH_WATER;
	return server_backlog(&serve->servers[0]) < HIGH_WATER;
}

static bool hears(struct server *server)
{
	return client_output(server->serve)->len < HIGH_WATER &&
	       server->session.to_client.len < HIGH_WATER;
}

static void poll_server(struct server *server, struct pollfd *fds)
{
	const struct channel *channel = server->channel;
	/* Of one that has ended there is at most a pipe's worth, and its end comes behind that. */
	bool reads = channel && (hears(server) || channel->ended);

	fds[AT_CHILD] = (struct pollfd){
		.fd = channel && !channel->ended ? ks_child_fd(channel->child) : -1,
		.events = POLLIN};
	fds[AT_STDOUT] = (struct pollfd){.fd = reads ? channel->out : -1, .events = POLLIN};
	fds[AT_STDERR] = (struct pollfd){.fd = reads ? channel->err : -1, .events = POLLIN};
	fds[AT_STDIN] = (struct pollfd){
		.fd = channel && channel_pending(channel) ? channel->in : -1, .events = POLLOUT};
	fds[AT_AUDIT] = (struct pollfd){.fd = server->audit, .events = POLLIN};
}

static int wait_and_read(struct serve *serve)
{
	const struct serve_options *options = serve->options;
	struct pollfd fds[AT_SERVERS + AT_EACH * ROUTER_PEERS];
	int r = 0;

	fds[AT_SIGNALS] = (struct pollfd){.fd = options->signals, .events = POLLIN};
	fds[AT_IN] = (struct pollfd){.fd = listens(serve) ? options->in : -1, .events = POLLIN};
	fds[AT_OUT] = (struct pollfd){.fd = serve->client_gone ? -1 : options->out,
		.events = client_output(serve)->len ? POLLOUT : 0};
	for (size_t i = 0; i < serve->n_servers; i++)
		poll_server(&serve->servers[i], &fds[AT_SERVERS + AT_EACH * i]);
	if (poll(fds, AT_SERVERS + AT_EACH * serve->n_servers, time_left(serve)) < 0) {
		if (errno != EINTR)
			return -errno;
		return 0;
	}
	take_signals(serve);
	if (fds[AT_OUT].revents & (POLLERR | POLLNVAL))
		serve->client_gone = true;
	/* What was refused before a request comes is none of its business. */
	for (size_t i = 0; i < serve->n_servers; i++)
		if (fds[AT_SERVERS + AT_EACH * i + AT_AUDIT].revents)
			server_read_audit(&serve->servers[i]);
	if (fds[AT_IN].revents)
		r = client_read(serve);
	for (size_t i = 0; r == 0 && i < serve->n_servers; i++) {
		struct server *server = &serve->servers[i];
		bool child = fds[AT_SERVERS + AT_EACH * i + AT_CHILD].revents != 0;

		if (server->channel && (hears(server) || child || server->channel->ended))
			r = server_read(server, child);
	}
	return r;
}

/* One turn: everything that can be done without waiting. */
static int turn(struct serve *serve)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < serve->n_servers; i++) {
		server_retire(&serve->servers[i]);
		r = server_start(&serve->servers[i]);
		if (r == 0)
			r = server_expire(&serve->servers[i]);
	}
	if (r == 0 && serve->options->merged)
		r = serve_route(serve);
	for (size_t i = 0; i < serve->n_servers; i++)
		server_write(&serve->servers[i]);
	client_write(serve);
	hurry(serve);
	return r;
}

static int loop(struct serve *serve)
{
	int r = 0;

	while (r == 0 && !over(serve)) {
		r = turn(serve);
		if (r == 0 && !over(serve))
			r = wait_and_read(serve);
	}
	client_write(serve);
	return r;
}

static size_t instances_of(const struct serve_options *options, const struct serve_server *what)
{
	if (!options->merged || !what->instances)
		return 1;
	return what->instances < ROUTER_INSTANCES ? what->instances : ROUTER_INSTANCES;
}

static void begin_server(struct server *server, struct serve *serve,
	const struct serve_server *what, struct server *lead)
{
	server->what = what;
	server->serve = serve;
	server->lead = lead;
	server->audit = -1;
	session_init(&server->session, what->policy);
	server->session.paths = diagnosis_command(what->argv, what->run.cwd, what->policy);
	server->session.look = server_look;
	server->session.data = server;
	strbuf_init(&server->queue, KS_MAX_TEXT);
}

static int begin_router(struct serve *serve)
{
	const char *names[ROUTER_PEERS];

	for (size_t i = 0; i < serve->n_servers; i++)
		names[i] = serve->servers[i].what->name;
	if (router_init(&serve->router, names, serve->n_servers) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < serve->n_servers; i++) {
		const struct server *server = &serve->servers[i];

		serve->router.peers[i].max_message = server->what->max_message;
		serve->router.peers[i].brief = server->what->single_use;
		router_instance(&serve->router, i, (size_t)(server->lead - serve->servers));
	}
	return 0;
}

static int begin(struct serve *serve)
{
	const struct serve_options *options = serve->options;
	size_t n = 0;

	if (!options->n_servers || options->n_servers > ROUTER_SERVERS)
		return -EINVAL;
	for (size_t i = 0; i < options->n_servers; i++)
		n += instances_of(options, &options->servers[i]);
	serve->servers = calloc(n, sizeof(*serve->servers));
	if (!serve->servers)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_servers; i++) {
		struct server *lead = &serve->servers[serve->n_servers];

		for (size_t k = instances_of(options, &options->servers[i]); k; k--)
			begin_server(&serve->servers[serve->n_servers++], serve,
				&options->servers[i], lead);
	}
	return options->merged ? begin_router(serve) : 0;
}

static void end(struct serve *serve)
{
	for (size_t i = 0; i < serve->n_servers; i++) {
		channel_free(serve->servers[i].channel);
		server_close_audit(&serve->servers[i]);
		session_done(&serve->servers[i].session);
		strbuf_done(&serve->servers[i].queue);
	}
	if (serve->options->merged)
		router_done(&serve->router);
	free(serve->servers);
	lines_done(&serve->lines);
}

int mcp_serve(const struct serve_options *options, ks_error **reterr)
{
	struct serve serve = {.options = options, .end_by = SLOT_NEVER};
	int r;

	lines_init(&serve.lines, MESSAGE_BYTES);
	r = begin(&serve);
	if (r == 0)
		r = loop(&serve);
	end(&serve);
	if (r == -ENOMEM)
		return error_oom(reterr);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "supervise"),
			"waiting for client and server failed: %s", strerror(-r));
	return serve.signal;
}
