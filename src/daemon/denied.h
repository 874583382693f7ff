/* SPDX-License-Identifier: Apache-2.0 */
/* A call whose answer is a failure of the tool's own gets beside it what the jail has refused: see
 * mcp/diagnosis.h. */
#ifndef KS_DAEMON_DENIED_H
#define KS_DAEMON_DENIED_H

#include "workers/watched.h"

/* The request of a call, which has to stay until its end. */
struct denied_request {
	const char *text;
	size_t len;
};

/* What has to look at that call. */
struct call_watch denied_watch(struct denied_request *request);

#endif
