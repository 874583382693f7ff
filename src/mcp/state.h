/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the loop share: serve.c has the waiting, client.c the client's side, server.c
 * the start and the end of servers, traffic.c their streams. */
#ifndef KS_MCP_STATE_H
#define KS_MCP_STATE_H

#include "base/bounds.h"
#include "mcp/router.h"
#include "mcp/serve.h"
#include "mcp/session.h"
#include "workers/channel.h"
#include "workers/slot.h"

#define MESSAGE_BYTES KS_MAX_MESSAGE_BYTES
#define WRITE_BYTES 4096 /* PIPE_BUF: what a pipe that polls writable takes without waiting */
#define HIGH_WATER (1 << 20) /* so much waits for a side before the other is not read any more */
#define END_MS 2000 /* for a server to end by itself when its client has gone */

struct serve;

struct server {
	const struct serve_server *what;
	struct serve *serve;
	struct server *lead; /* the first instance of the same; itself for most */
	struct session session;
	struct slot slot;
	struct channel *channel; /* NULL = there is no server */
	struct strbuf queue; /* of single use: requests for the next ones, whole lines */
	size_t handed; /* of session.to_client, to the router */
	unsigned revived; /* of session.revived, told to the router */
	int audit; /* what its egress proxy decides is read here; -1 = nothing is */
	struct lines audit_lines;
	uint64_t shown; /* of its stderr */
	uint64_t uses; /* requests to this one, but for initialize and lists */
	uint64_t used; /* when it had the last answer */
	bool leaving; /* it has done its work, and ends; what comes is for the next one */
	bool stopped; /* SIGTERM was sent */
	uint64_t end_by; /* of a leaving one */
};

struct serve {
	const struct serve_options *options;
	struct server *servers;
	size_t n_servers;
	struct router router; /* where they are merged */
	struct lines lines; /* the client's */
	size_t sent; /* of what waits for the client */
	bool input_ended;
	bool client_gone; /* nobody reads what we write */
	int signal; /* that ended everything */
	uint64_t end_by; /* the servers are stopped then */
};

/* Where no more is said these return 0, or -errno for what ends the loop. */

/* What waits for the client. */
struct strbuf *client_output(struct serve *serve);

int client_read(struct serve *serve);
void client_write(struct serve *serve);
int client_end_input(struct serve *serve);

/* Starts the server where it is wanted and may be started, or answers those who want it. */
int server_start(struct server *server);

/* The server is over: it ended, or cannot be trusted any more. */
int server_end(struct server *server, const struct verdict *verdict);

/* Answers the requests that have waited too long. */
int server_expire(struct server *server);

/* Ends one whose lifecycle says so; the next request starts another. */
void server_retire(struct server *server);

/* When server_retire() has something to do, or SLOT_NEVER. */
uint64_t server_due(const struct server *server);

/* Takes what the server has written, and its end. child: its child has something to do. */
int server_read(struct server *server, bool child);

/* What the jail refuses it: from its start on, read when there is something, and till its end. */
int server_open_audit(struct server *server, int *ret_writer);
void server_read_audit(struct server *server);
void server_close_audit(struct server *server);
/* struct session: look */
void server_look(void *server);

/* Shows what it wrote to its stderr where its starter looks for it, as far as that is read. */
void server_show(struct server *server);

/* Hands on what waits for it; its input is closed when the client's has ended. */
void server_write(struct server *server);

/* A line of the client's or the router's for it. */
int server_give(struct server *server, const char *line, size_t len);

/* Bytes that wait for it. */
size_t server_backlog(const struct server *server);

/* Carries messages between the sessions and the router. */
int serve_route(struct serve *serve);

#endif
