/* SPDX-License-Identifier: Apache-2.0 */
/* The loop around sessions: a client on two descriptors, and servers in a jail each, started when
 * they are wanted and again when they have ended. */
#ifndef KS_MCP_SERVE_H
#define KS_MCP_SERVE_H

#include <stdbool.h>

#include <kastellan/workers.h>

/* One server: how it is run, and how long it lives. */
struct serve_server {
	const char *name;
	ks_backend *backend;
	const ks_policy *policy;
	const char *const *argv;
	struct ks_run_options run; /* cwd, allow_degraded, grace_ms */
	uint64_t timeout_ms; /* of one request; 0 = none */
	size_t max_message; /* bytes of one message */
	/* Processes at once, where servers are merged: a further one is started while all others
	 * have requests. 0 = 1; at most 16. */
	size_t instances;
	/* It is ended when it has carried out one request, and gets one at a time. */
	bool single_use;
	/* It is ended when it has had no request for so long, is so old, or has had so many; only
	 * between requests. 0 = never. */
	uint64_t idle_ms;
	uint64_t max_age_ms;
	uint64_t max_requests;
};

struct serve_options {
	const struct serve_server *servers;
	size_t n_servers; /* at least 1; without merged exactly 1 */
	bool merged; /* by the router; else the one server's messages are handed on as they are */
	int in; /* the client's messages */
	int out; /* and ours to it: nothing else is ever written there */
	int err; /* what the servers write to their stderr; -1 = nowhere */
	int signals; /* signalfd: SIGTERM, SIGINT and SIGHUP end everything, others go to the
		      * servers */
	/* Called with what ended a server, or kept it from starting. */
	void (*report)(const ks_error *error);
};

/* Returns when the client has closed its side and the servers have ended: 0, the number of a signal
 * that ended it, or -errno. */
int mcp_serve(const struct serve_options *options, ks_error **reterr);

#endif
