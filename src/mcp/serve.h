/* SPDX-License-Identifier: Apache-2.0 */
/* The loop around a session: a client on two descriptors, a server in its jail, started when it is
 * wanted and again when it has ended. */
#ifndef KS_MCP_SERVE_H
#define KS_MCP_SERVE_H

#include <kastellan/workers.h>

struct serve_options {
	ks_backend *backend;
	const ks_policy *policy;
	const char *const *argv;
	const struct ks_run_options *run; /* cwd, allow_degraded, grace_ms */
	uint64_t timeout_ms; /* of one request; 0 = none */
	int in; /* the client's messages */
	int out; /* and ours to it: nothing else is ever written there */
	int err; /* what the server writes to its stderr; -1 = nowhere */
	int signals; /* signalfd: SIGTERM, SIGINT and SIGHUP end everything, others go to the server
		      */
	/* Called with what ended a server, or kept it from starting. */
	void (*report)(const ks_error *error);
};

/* Returns when the client has closed its side and the server has ended: 0, the number of a signal
 * that ended it, or -errno. */
int mcp_serve(const struct serve_options *options, ks_error **reterr);

#endif
