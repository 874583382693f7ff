/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"

#define CANCELLED_MAX 256
/* While less waits for the client an error says everything: behind it there is room for the longest
 * message, and a short error for each of PENDING_MAX requests. */
#define WHOLE_ERRORS (4 << 20)

void session_init(struct session *session, const ks_policy *policy)
{
	*session = (struct session){.policy = policy};
	strbuf_init(&session->to_client, (size_t)2 * KS_MAX_TEXT);
	strbuf_init(&session->to_server, KS_MAX_TEXT);
	strbuf_init(&session->held, KS_MAX_TEXT);
}

void session_done(struct session *session)
{
	pending_done(&session->of_client);
	pending_done(&session->of_server);
	strbuf_done(&session->to_client);
	strbuf_done(&session->to_server);
	strbuf_done(&session->held);
	free(session->initialize);
	free(session->asked);
	free(session->paths);
}

static int errors(const struct session *session)
{
	if (session->to_client.error)
		return session->to_client.error;
	return session->to_server.error ? session->to_server.error : session->held.error;
}

static void put(struct strbuf *to, const char *line, size_t len)
{
	strbuf_add(to, line, len);
	strbuf_putc(to, '\n');
}

static bool ready(const struct session *session)
{
	return session->up && !*session->replay;
}

static int keep(char **slot, const char *line, size_t len)
{
	free(*slot);
	*slot = strndup(line, len);
	return *slot ? 0 : -ENOMEM;
}

static char *id_of(const struct message *message)
{
	return strndup(message->text + message->id.at, message->id.end - message->id.at);
}

static int refuse_request(struct session *session, const struct message *message, const char *why)
{
	autofree char *id = id_of(message);

	if (!id)
		return -ENOMEM;
	reply_error(&session->to_client, id, REPLY_INVALID, why);
	return 0;
}

static void mark_sent(const struct session *session, struct request *request, uint64_t now)
{
	request->since = now;
	request->lines = session->refusals.lines;
}

static int client_request(struct session *session, const struct message *message, uint64_t now)
{
	struct request *request;
	int r = pending_add(&session->of_client, message, &request);

	if (r == -EEXIST)
		return refuse_request(session, message, "a request with this id still waits");
	if (r == -ENOBUFS)
		return refuse_request(session, message, "too many requests wait for answers");
	if (r < 0)
		return r;
	if (message_method_is(message, "initialize")) {
		request->initialize = true;
		r = keep(&session->asked, message->text, message->len);
	}
	request->paths = diagnosis_paths(message, session->policy);
	if (ready(session))
		mark_sent(session, request, now);
	put(ready(session) ? &session->to_server : &session->held, message->text, message->len);
	return r;
}

/* Most are never answered: only so many are remembered as can still come. */
static void cancel(struct pending *pending, struct request *request)
{
	size_t count = 0;

	request->cancelled = true;
	for (const struct request *other = pending->first; other; other = other->next)
		count += other->cancelled;
	for (request = pending->first; request && !request->cancelled;)
		request = request->next;
	if (request && count > CANCELLED_MAX)
		pending_remove(pending, request);
}

static void note_cancellation(struct pending *pending, const struct message *message)
{
	struct request *request;
	struct span id;

	if (!message_method_is(message, "notifications/cancelled") ||
		message_member(message, message->params, "requestId", &id) <= 0)
		return;
	request = pending_find_part(pending, message, id);
	if (request)
		cancel(pending, request);
}

static void client_notification(struct session *session, const struct message *message)
{
	if (message_method_is(message, "notifications/initialized"))
		session->initialized = true;
	note_cancellation(&session->of_client, message);
	/* Without a server there is nobody whom it could concern. */
	if (ready(session))
		put(&session->to_server, message->text, message->len);
}

/* The server that asked may be gone: the next one did not ask. */
static void client_response(struct session *session, const struct message *message)
{
	struct request *request = pending_find(&session->of_server, message);

	if (!request)
		return;
	pending_remove(&session->of_server, request);
	put(&session->to_server, message->text, message->len);
}

int session_client(struct session *session, const char *line, size_t len, uint64_t now)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		reply_unreadable(&session->to_client, why);
		return errors(session);
	}
	if (message.kind == MESSAGE_REQUEST)
		r = client_request(session, &message, now);
	else if (message.kind == MESSAGE_NOTIFICATION)
		client_notification(session, &message);
	else
		client_response(session, &message);
	return r < 0 ? r : errors(session);
}

/* Requests that were held are sent now. */
static void release_held(struct session *session, uint64_t now)
{
	struct strbuf *held = &session->held;

	if (held->len)
		strbuf_add(&session->to_server, held->data, held->len);
	held->len = 0;
	for (struct request *request = session->of_client.first; request; request = request->next)
		if (!request->since)
			mark_sent(session, request, now);
}

static int replay_answered(struct session *session, const struct message *answer, uint64_t now,
	struct verdict *verdict)
{
	static const char initialized[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";

	*session->replay = '\0';
	if (answer->error.end > answer->error.at)
		return verdict_set(verdict, KS_FAULT_START, "refused to be initialised again");
	if (session->initialized)
		put(&session->to_server, initialized, strlen(initialized));
	session->revived++;
	release_held(session, now);
	return 0;
}

static int hand_answer(
	struct session *session, const struct message *answer, const struct request *request)
{
	if (!diagnosis_failed(answer)) {
		put(&session->to_client, answer->text, answer->len);
		return 0;
	}
	if (session->look)
		session->look(session->data);
	return diagnosis_put(&session->to_client, answer, request->paths, session->policy,
		&session->refusals, request->lines);
}

static int server_response(struct session *session, const struct message *message, uint64_t now,
	struct verdict *verdict)
{
	struct request *request = pending_find(&session->of_client, message);
	bool failed = message->error.end > message->error.at;
	int r = 0;

	if (*session->replay && message_part_is(message, message->id, session->replay))
		return replay_answered(session, message, now, verdict);
	if (!request || !request->since)
		return verdict_set(
			verdict, KS_FAULT_GARBAGE, "wrote an answer that nobody waits for");
	if (request->initialize && !failed) {
		free(session->initialize);
		session->initialize = take_ptr(session->asked);
	}
	/* A client that has cancelled would take the answer for one of another request. */
	if (!request->cancelled)
		r = hand_answer(session, message, request);
	pending_remove(&session->of_client, request);
	return r;
}

static int server_request(
	struct session *session, const struct message *message, struct verdict *verdict)
{
	struct request *request;
	int r = pending_add(&session->of_server, message, &request);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_set(verdict, KS_FAULT_GARBAGE,
			"asked twice with one id, or too often without waiting");
	request->since = 1;
	put(&session->to_client, message->text, message->len);
	return 0;
}

static bool is_object(const char *line, size_t len)
{
	size_t at = 0;

	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return at < len && line[at] == '{';
}

int session_server(struct session *session, const char *line, size_t len, uint64_t now,
	struct verdict *verdict)
{
	struct message message;
	const char *why = NULL;
	int r;

	if (!is_object(line, len))
		return 1;
	r = message_read(line, len, &message, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_set(verdict, KS_FAULT_GARBAGE, "wrote what is no message: %s", why);
	session->heard = now;
	if (message.kind == MESSAGE_RESPONSE) {
		r = server_response(session, &message, now, verdict);
	} else if (message.kind == MESSAGE_REQUEST) {
		r = server_request(session, &message, verdict);
	} else {
		note_cancellation(&session->of_server, &message);
		put(&session->to_client, line, len);
	}
	return r < 0 ? r : errors(session);
}

bool session_wants_server(const struct session *session)
{
	return !session->up && session->held.len > 0;
}

/* The request by which the first server was initialised, under an id of our own. */
static int replay(struct session *session)
{
	struct message message;
	const char *why = NULL;
	char *text = NULL;
	size_t len = 0;
	int r = message_read(session->initialize, strlen(session->initialize), &message, &why);

	if (r < 0)
		return r;
	snprintf(session->replay, sizeof(session->replay), "\"kastellan-initialize-%u\"",
		++session->replays);
	r = message_with_id(&message, session->replay, strlen(session->replay), &text, &len);
	if (r == 0)
		put(&session->to_server, text, len);
	free(text);
	return r;
}

int session_follow(struct session *session, const struct session *lead)
{
	if (session == lead || !lead->initialize)
		return 0;
	session->initialized = lead->initialized;
	return keep(&session->initialize, lead->initialize, strlen(lead->initialize));
}

int session_started(struct session *session, uint64_t now)
{
	int r = 0;

	session->up = true;
	session->heard = now;
	refusals_forget(&session->refusals);
	*session->replay = '\0';
	if (session->initialize)
		r = replay(session);
	else
		release_held(session, now);
	return r < 0 ? r : errors(session);
}

/* A request that the server has not answered. */
static void answer_fault(struct session *session, const char *id, const ks_error *error)
{
	if (session->to_client.len < WHOLE_ERRORS)
		reply_fault(&session->to_client, id, error, session->policy, session->paths);
	else
		reply_fault_in_brief(&session->to_client, id, error, session->policy);
}

void session_ended(struct session *session, const ks_error *error, bool starting)
{
	struct request *next;

	for (struct request *request = session->of_client.first; request; request = next) {
		next = request->next;
		if (!request->since && !starting)
			continue;
		if (!request->cancelled)
			answer_fault(session, request->id, error);
		pending_remove(&session->of_client, request);
	}
	if (starting)
		session->held.len = 0;
	pending_done(&session->of_server);
	session->to_server.len = 0;
	*session->replay = '\0';
	session->up = false;
}

/* Only requests that nobody wants to be answered are left. */
void session_retired(struct session *session)
{
	pending_done(&session->of_client);
	pending_done(&session->of_server);
	session->to_server.len = 0;
	session->up = false;
}

uint64_t session_oldest(const struct session *session)
{
	const struct request *request = session->of_client.first;

	while (request && (!request->since || request->cancelled))
		request = request->next;
	return request ? request->since : 0;
}

static void ask_to_cancel(struct session *session, const char *id)
{
	static const char front[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
				    "\"params\":{\"requestId\":";

	strbuf_puts(&session->to_server, front);
	strbuf_puts(&session->to_server, id);
	strbuf_puts(&session->to_server, ",\"reason\":\"it took too long\"}}\n");
}

void session_expire(struct session *session, uint64_t before, const ks_error *error)
{
	struct request *next;

	for (struct request *request = session->of_client.first; request; request = next) {
		next = request->next;
		if (!request->since || request->since >= before || request->cancelled)
			continue;
		answer_fault(session, request->id, error);
		ask_to_cancel(session, request->id);
		cancel(&session->of_client, request);
	}
}

bool session_busy(const struct session *session)
{
	const struct request *request = session->of_client.first;

	while (request && request->cancelled)
		request = request->next;
	return request != NULL;
}
