/* SPDX-License-Identifier: Apache-2.0 */
/* One client of MCP and one server that may end and come again. Pure: lines of both sides go in,
 * and what has to be written to each comes out. A message is handed on as it was written.
 *
 * The client sees one server that never goes away: a request that a server took with it is answered
 * with an error, and a server that is started again is initialised as the first one was. */
#ifndef KS_MCP_SESSION_H
#define KS_MCP_SESSION_H

#include "mcp/diagnosis.h"
#include "mcp/pending.h"
#include "mcp/reply.h"
#include "workers/faults.h"

struct session {
	const ks_policy *policy; /* for the errors; may be NULL */
	char *paths; /* of the server's command line: see diagnosis_command() */
	struct pending of_client; /* the client's requests */
	struct pending of_server;
	struct strbuf to_client; /* whole lines */
	struct strbuf to_server;
	struct strbuf held; /* for a server that is not there, or not initialised again */
	char *initialize; /* the client's request, once a server has answered it */
	char *asked; /* the same before that */
	bool initialized; /* the client has said so */
	char replay[40]; /* the id of our own initialize that waits for its answer; "" = none */
	unsigned replays;
	unsigned revived; /* how often a further server has been initialised */
	bool up; /* there is a server */
	uint64_t heard; /* when the server wrote its last message */
	struct refusals refusals; /* of the server that there is */
	/* Called before an answer that says it failed is handed on: brings them up to date. May be
	 * NULL. */
	void (*look)(void *data);
	void *data;
};

void session_init(struct session *session, const ks_policy *policy);
void session_done(struct session *session);

/* A line of the client's, at the time now. 0 or -ENOMEM; what is no message is answered. */
int session_client(struct session *session, const char *line, size_t len, uint64_t now);

/* A line of the server's. 0; -1 with a verdict where this server cannot go on; or -ENOMEM. Lines
 * that are no JSON object at all are none of its messages: 1, to be shown to a person. */
int session_server(struct session *session, const char *line, size_t len, uint64_t now,
	struct verdict *verdict);

/* Somebody waits for a server, and there is none. */
bool session_wants_server(const struct session *session);

/* A server has been started, or has gone for the reason that the error gives, which answers every
 * request that it had. starting: it has not been reached, and what was held for it is lost, too. */
int session_started(struct session *session, uint64_t now);
void session_ended(struct session *session, const ks_error *error, bool starting);

/* This server is a further instance of that one: it is initialised as that one was. 0 or -ENOMEM.
 */
int session_follow(struct session *session, const struct session *lead);

/* The server has been asked to end between two requests: the next one starts another. */
void session_retired(struct session *session);

/* When the oldest request was sent that still waits; 0 = none. */
uint64_t session_oldest(const struct session *session);

/* Answers the requests that were sent before that time with the error, and asks the server to
 * cancel them. */
void session_expire(struct session *session, uint64_t before, const ks_error *error);

/* Whether any request of the client's still waits. */
bool session_busy(const struct session *session);

#endif
