/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as a client of MCP gets them: JSON-RPC errors whose data say what the jail knows. Pure. */
#ifndef KS_MCP_REPLY_H
#define KS_MCP_REPLY_H

#include <jansson.h>

#include <kastellan/workers.h>

#include "base/strbuf.h"

/* JSON-RPC's own numbers, and ours, from the range that it leaves to servers. */
enum {
	REPLY_PARSE = -32700,
	REPLY_INVALID = -32600,
	REPLY_METHOD = -32601,
	REPLY_PARAMS = -32602,
	REPLY_RESOURCE = -32002, /* MCP's own: there is no such resource */
	REPLY_FAULT = -32000, /* the server ended, or cannot be started; data.fault says which */
};

/* Adds one line to the text: the error as the answer to the request with that id, as it was
 * written. policy: the server's, of which the grant is made that would be enough; paths: see
 * diagnosis_command(). Both may be NULL. */
void reply_fault(struct strbuf *to, const char *id, const ks_error *error, const ks_policy *policy,
	const char *paths);

/* The same without what may be long: what was denied, and the last of its stderr. */
void reply_fault_in_brief(
	struct strbuf *to, const char *id, const ks_error *error, const ks_policy *policy);

/* The data of that error alone; NULL where memory ran out. */
json_t *reply_data(const ks_error *error, const ks_policy *policy, const char *paths);

/* The answer with an error, or a result, that is JSON already. */
void reply_json(struct strbuf *to, const char *id, const char *key, const char *json);

/* The same without any data. */
void reply_error(struct strbuf *to, const char *id, int code, const char *message);

/* The answer to a request whose params are wrong: which one, and what to write instead. */
void reply_usage(struct strbuf *to, const char *id, const ks_error *error);

/* The answer to a line that is no message. */
void reply_unreadable(struct strbuf *to, const char *why);

#endif
