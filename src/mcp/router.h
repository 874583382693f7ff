/* SPDX-License-Identifier: Apache-2.0 */
/* Many servers of MCP as one. Pure: lines of the client and of the servers go in, and what has to
 * be written to each comes out.
 *
 * Names: a tool or prompt NAME of a server is SERVER__NAME to the client. A resource keeps its URI,
 * and belongs to the server that listed it. Ids: every request has an id of the router's own behind
 * it, so that neither two servers nor a server and the client can mean two things by one id. Texts
 * are handed on as they were written but for these places.
 *
 * A server cannot speak for another: answers, progress, cancellations and news of resources count
 * only from the server that they concern. One that cannot be initialised is absent: its tools are
 * missing from the lists, whoever calls them is told why, and it is tried again when a list is
 * asked for or one of its tools is called.
 *
 * Each server stands behind a session, which starts it again where it ends, answers what it had,
 * and keeps one that writes rubbish away: what comes from there is messages. */
#ifndef KS_MCP_ROUTER_H
#define KS_MCP_ROUTER_H

#include "mcp/kept.h"
#include "mcp/listing.h"
#include "mcp/owners.h"
#include "mcp/routes.h"

#define ROUTER_SERVERS 64
#define ROUTER_INSTANCES 16 /* of one server */
#define ROUTER_PEERS (ROUTER_SERVERS * ROUTER_INSTANCES)
#define ROUTER_NAME 128 /* bytes of a tool's name, by the specification of 2025-11-25 */
#define ROUTER_CALLS 128 /* of one server at once: an error for each fits into the answers */
#define ROUTER_ASKS 64 /* requests of one server's to the client */

enum peer_state {
	PEER_NEW,
	PEER_ASKED, /* initialize is on its way */
	PEER_READY,
	PEER_ABSENT,
};

/* What a server has said it can. */
enum {
	CAN_TOOLS = 1 << 0,
	CAN_PROMPTS = 1 << 1,
	CAN_RESOURCES = 1 << 2,
	CAN_SUBSCRIBE = 1 << 3,
	CAN_LOG = 1 << 4,
	CAN_COMPLETE = 1 << 5,
};

struct peer {
	const char *name;
	size_t lead; /* the first instance of its server: it is greeted, and makes the lists */
	bool running; /* there is a process: set by the caller */
	size_t max_message;
	bool brief; /* of single use: no subscription outlives its request */
	bool full; /* it does not read what waits for it: set by the caller */
	enum peer_state state;
	unsigned can;
	char *version;
	char *instructions;
	char *error; /* of JSON-RPC: why it is absent */
	struct strbuf to_server; /* whole lines */
};

struct router {
	struct peer *peers;
	size_t n_peers;
	struct routes calls; /* to servers */
	struct routes asks; /* to the client */
	struct owners owners;
	struct kept kept;
	struct listing *listings;
	size_t n_listings;
	struct strbuf to_client; /* whole lines */
	struct strbuf notes; /* lines for a person */
	char *initialize; /* the client's request */
	char *initialize_id; /* while it waits for its answer */
	bool answered; /* it has been */
	bool initialized; /* the client has said so */
	unsigned long long last; /* number of an own id */
};

/* Whether a server of that name can be told from all others in the front of a name. */
bool router_name_good(const char *name);

/* 0 or -ENOMEM. The names must stay; at most ROUTER_PEERS, each a server until router_instance()
 * says otherwise. */
int router_init(struct router *router, const char *const *names, size_t n);
void router_done(struct router *router);

/* This peer is a further instance of that server: it gets requests while the others are busy. */
void router_instance(struct router *router, size_t peer, size_t lead);

/* A line of the client's, or a message of that server's. 0, -ENOMEM, or -E2BIG. */
int router_client(struct router *router, const char *line, size_t len);
int router_server(struct router *router, size_t server, const char *line, size_t len);

/* The server's process has ended: what it had asked is not wanted any more. Its own requests have
 * been answered by the session. */
void router_gone(struct router *router, size_t server);

/* The server has been started again, and initialised: it is asked again for what it was asked for.
 */
int router_revived(struct router *router, size_t server);

/* Whether the client waits for an answer. */
bool router_busy(const struct router *router);

/* For the parts of the router. */

static inline const char *peer_name(const struct router *router, size_t server)
{
	return router->peers[server].name;
}

static inline bool peer_leads(const struct router *router, size_t server)
{
	return router->peers[server].lead == server;
}

/* Sends a message to a server under an own id, with further edits (at most 2, room for one more).
 * 0, -ENOBUFS where it takes no more (and *ret_why says so), or -ENOMEM. */
int router_send(struct router *router, size_t server, enum route_kind kind,
	const struct message *message, struct edit *edits, size_t n, struct route **ret_route,
	const char **ret_why);

/* The first error of its buffers. */
int router_errors(const struct router *router);

/* Asks an absent or new server to be initialised. 0 or -ENOMEM. */
int router_greet(struct router *router, size_t server);

/* The answer to that. */
int router_greeted(struct router *router, size_t server, const struct message *message);

/* Answers the client's initialize once every server has answered or failed. */
int router_settle(struct router *router);

/* Routes a request about a resource; last: it is not looked for any further. */
int router_resource(struct router *router, const struct message *message, bool last);

/* Notifications of the servers, and of the client. */
int router_server_note(struct router *router, size_t server, const struct message *message);
int router_client_note(struct router *router, const struct message *message);

/* The token of progress in the params, as "_meta" has it. 1, 0 or an error. */
int router_token(const struct message *message, struct span *ret_token);

#endif
