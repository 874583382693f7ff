/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP CONNECT for programs that know of proxies (RFC 9110, section 9.3.6; RFC 9112), strictly:
 * one way to read a request, or it is refused.
 *
 * Pure: no system call, no memory, thread-safe. */
#ifndef KS_EGRESS_HTTP_CONNECT_H
#define KS_EGRESS_HTTP_CONNECT_H

#include "egress/host.h"
#include "egress/reason.h"

#define CONNECT_MAX_HEAD 8192 /* bytes of a request, with the empty line */
#define CONNECT_MAX_RESPONSE 1024

enum connect_result {
	CONNECT_NEED_MORE,
	CONNECT_OK,
	CONNECT_BAD_REQUEST, /* 400 */
	CONNECT_BAD_TARGET, /* 400: fault says what is wrong with host:port */
	CONNECT_METHOD, /* 405 */
	CONNECT_TOO_LONG, /* 431 */
	CONNECT_VERSION, /* 505 */
	CONNECT_RESULT_COUNT
};

struct connect_request {
	struct egress_host host;
	uint16_t port;
	enum host_fault fault;
	size_t head_len; /* bytes behind it are the tunnel's first */
};

/* Looks at the first bytes of a stream, from its beginning; call it again with all of them when
 * there are more. Given CONNECT_MAX_HEAD bytes it never needs more. ret_request changes with
 * CONNECT_OK, and its fault with CONNECT_BAD_TARGET. */
enum connect_result connect_parse(
	const char *bytes, size_t len, struct connect_request *ret_request);

/* The whole response to a request that could not be read. Returns its length. */
size_t connect_refuse(
	enum connect_result result, enum host_fault fault, char response[CONNECT_MAX_RESPONSE]);

/* The whole response to one that could: "200" for REASON_ALLOWED; else a status, and a body that
 * says why and which entry of the allowlist would allow it (NULL: none). Returns its length. */
size_t connect_answer(
	enum egress_reason reason, const char *entry, char response[CONNECT_MAX_RESPONSE]);

#endif
