/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "mcp/state.h"

#define PATIENCE_MS 2000 /* a pause that a request waits for; a longer one is told at once */

#define LEAVE_MS 1000 /* for a server to end by itself when it has done its work */

static const struct slot_limits limits = {.backoff_ms = 1000, .max_backoff_ms = 60000};

static void event(struct server *server, enum slot_event event)
{
	slot_event(&server->slot, &limits, event, clock_now());
}

static void report(const struct server *server, const ks_error *error)
{
	if (error && server->serve->options->report)
		server->serve->options->report(error);
}

static int could_not_start(struct server *server, ks_error *error)
{
	if (!error)
		return -ENOMEM;
	if (ks_error_fault(error) == KS_FAULT_NONE)
		fault_mark(error, KS_FAULT_START);
	report(server, error);
	session_ended(&server->session, error, true);
	server->uses = 0;
	ks_error_free(error);
	return 0;
}

static int start(struct server *server)
{
	const struct serve_server *what = server->what;
	struct ks_run_options run = what->run;
	ks_child *child = NULL;
	ks_error *error = NULL;
	int audit = -1;
	int r;

	for (int i = 0; i < 3; i++)
		run.stdio[i] = KS_STDIO_PIPE;
	run.timeout_ms = 0;
	event(server, SLOT_START);
	r = server_open_audit(server, &audit);
	if (r < 0)
		error_set(&error, r, ABOUT(.step = "egress", .path = what->name),
			"server \"%s\": no pipe for its audit: %s", what->name, strerror(-r));
	if (audit >= 0) {
		run.egress_audit = 1;
		run.egress_audit_fd = audit;
	}
	if (r == 0)
		r = ks_child_spawn(what->backend, what->policy, what->argv, &run, &child, &error);
	cleanup_close(&audit);
	if (r == 0 && channel_new(child, what->max_message, -1, &server->channel) < 0)
		r = error_oom(&error);
	if (r < 0) {
		event(server, SLOT_FAILED);
		event(server, SLOT_GONE);
		return could_not_start(server, error);
	}
	event(server, SLOT_STARTED);
	if (session_follow(&server->session, &server->lead->session) < 0)
		return -ENOMEM;
	server->shown = 0;
	server->stopped = server->leaving = false;
	server->used = clock_now();
	return session_started(&server->session, clock_now());
}

int server_start(struct server *server)
{
	uint64_t now = clock_now();
	ks_error *error = NULL;

	if (server->channel || server->serve->signal || !session_wants_server(&server->session))
		return 0;
	if (server->slot.retry_at <= now)
		return start(server);
	if (server->slot.retry_at - now <= PATIENCE_MS)
		return 0;
	fault_error(&error, KS_FAULT_BACKOFF, server->what->name,
		"look at the errors before this one; it is tried again after the pause",
		"the server failed %u times, and the next start is in %" PRIu64 " ms",
		server->slot.failures, server->slot.retry_at - now);
	return could_not_start(server, error);
}

/* What it had asked of the client is not wanted any more. */
static void forget(struct server *server)
{
	struct serve *serve = server->serve;

	if (serve->options->merged)
		router_gone(&serve->router, (size_t)(server - serve->servers));
}

/* It has left as it was asked to. */
static int left(struct server *server)
{
	channel_free(server->channel);
	server->channel = NULL;
	server->leaving = false;
	event(server, SLOT_CANCEL);
	event(server, SLOT_GONE);
	return 0;
}

int server_end(struct server *server, const struct verdict *verdict)
{
	bool expected = verdict->fault == KS_FAULT_CRASH &&
			(server->stopped || server->serve->input_ended) &&
			!session_busy(&server->session);
	struct channel *channel = server->channel;
	ks_error *error = NULL;

	channel_kill(channel);
	server_show(server);
	if (server->leaving)
		return left(server);
	fault_worker_error(&error, verdict, server->what->name, channel_take_outcome(channel),
		&channel->errors);
	channel_free(channel);
	server->channel = NULL;
	event(server, SLOT_FAILED);
	event(server, SLOT_GONE);
	if (!error)
		return -ENOMEM;
	if (!expected)
		report(server, error);
	session_ended(&server->session, error, false);
	server->uses = session_busy(&server->session);
	forget(server);
	ks_error_free(error);
	return 0;
}

/* Requests that have waited too long. A server that has written nothing since the oldest was sent
 * hangs, and is ended; another one works on something else, and is asked to let the request be. */
int server_expire(struct server *server)
{
	uint64_t timeout = server->what->timeout_ms, now = clock_now();
	uint64_t oldest = session_oldest(&server->session);
	struct verdict verdict;
	ks_error *error = NULL;

	if (!timeout || !oldest || !server->channel || now < oldest + timeout)
		return 0;
	verdict_set(&verdict, KS_FAULT_TIMEOUT, "did not answer within %" PRIu64 " ms", timeout);
	if (server->session.heard <= oldest)
		return server_end(server, &verdict);
	fault_worker_error(&error, &verdict, server->what->name, NULL, NULL);
	if (!error)
		return -ENOMEM;
	session_expire(&server->session, now - timeout + 1, error);
	ks_error_free(error);
	return 0;
}

static uint64_t after(uint64_t time, uint64_t limit)
{
	return limit ? time + limit : SLOT_NEVER;
}

/* Whoever has subscribed waits for what it says, though nobody asks it anything. */
static bool awaits_news(const struct server *server)
{
	const struct serve *serve = server->serve;

	return serve->options->merged &&
	       kept_any(&serve->router.kept, (size_t)(server - serve->servers));
}

uint64_t server_due(const struct server *server)
{
	const struct serve_server *what = server->what;
	uint64_t idle = after(server->used, awaits_news(server) ? 0 : what->idle_ms);
	uint64_t old = after(server->slot.born, what->max_age_ms);

	if (!server->channel || server->leaving || session_busy(&server->session) ||
		*server->session.replay)
		return SLOT_NEVER;
	if (server->uses &&
		(what->single_use || (what->max_requests && server->uses >= what->max_requests)))
		return 0;
	return idle < old ? idle : old;
}

void server_retire(struct server *server)
{
	if (server_due(server) > clock_now())
		return;
	server->leaving = true;
	server->end_by = clock_now() + LEAVE_MS;
	server->uses = 0;
	session_retired(&server->session);
	forget(server);
	channel_close_input(server->channel);
}
