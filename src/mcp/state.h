/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the loop share: serve.c has the client's side and the waiting, server.c
 * the server's. */
#ifndef KS_MCP_STATE_H
#define KS_MCP_STATE_H

#include "base/bounds.h"
#include "mcp/serve.h"
#include "mcp/session.h"
#include "workers/channel.h"
#include "workers/slot.h"

#define MESSAGE_BYTES KS_MAX_MESSAGE_BYTES
#define WRITE_BYTES 4096 /* PIPE_BUF: what a pipe that polls writable takes without waiting */

struct serve {
	const struct serve_options *options;
	const char *name; /* the program's */
	struct session session;
	struct slot slot;
	struct channel *channel; /* NULL = there is no server */
	struct lines lines; /* the client's */
	size_t sent; /* of session.to_client */
	uint64_t shown; /* of the server's stderr */
	bool input_ended;
	bool client_gone; /* nobody reads what we write */
	int signal; /* that ended everything */
	uint64_t end_by; /* the server is stopped then */
	bool stopped;
};

/* These return 0, or -errno for what ends the loop. */

/* Starts a server where one is wanted and may be started, or answers those who want it. */
int serve_start(struct serve *serve);

/* Takes what the server has written, and its end. child: its child has something to do. */
int serve_read(struct serve *serve, bool child);

/* Hands on what waits for it; its input is closed when the client's has ended. */
void serve_write(struct serve *serve);

/* Answers the requests that have waited too long. */
int serve_expire(struct serve *serve);

#endif
