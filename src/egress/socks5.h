/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5 (RFC 1928) for programs that know of proxies: no authentication, CONNECT only, the three
 * kinds of address.
 *
 * Pure: no system call, no memory, thread-safe. */
#ifndef KS_EGRESS_SOCKS5_H
#define KS_EGRESS_SOCKS5_H

#include "egress/host.h"
#include "egress/reason.h"

#define SOCKS5_MAX_GREETING 257
#define SOCKS5_MAX_REQUEST 262
#define SOCKS5_METHOD_REPLY 2
#define SOCKS5_REPLY 10

enum socks5_result {
	SOCKS5_NEED_MORE,
	SOCKS5_OK,
	SOCKS5_BAD, /* not SOCKS5: hang up */
	SOCKS5_NO_METHOD, /* the client insists on authentication: answer, then hang up */
	SOCKS5_COMMAND, /* BIND or UDP ASSOCIATE */
	SOCKS5_ADDRESS_TYPE,
	SOCKS5_BAD_HOST, /* fault says why, or the port is 0 */
	SOCKS5_RESULT_COUNT
};

struct socks5_request {
	struct egress_host host;
	uint16_t port;
	enum host_fault fault;
};

/* Both look at the first bytes of what is left of a stream; call again with all of them when there
 * are more. ret_len is how many bytes the message has; it changes with any result but
 * SOCKS5_NEED_MORE and SOCKS5_BAD. A client may send the request before it hears of the method. */
enum socks5_result socks5_greeting(const uint8_t *bytes, size_t len, size_t *ret_len);
enum socks5_result socks5_request(
	const uint8_t *bytes, size_t len, struct socks5_request *ret_request, size_t *ret_len);

/* Reply to the greeting, whether it was taken or not. Returns SOCKS5_METHOD_REPLY. */
size_t socks5_method_reply(enum socks5_result greeting, uint8_t reply[SOCKS5_METHOD_REPLY]);

/* Reply to a request that could not be taken, and to one that could. Return SOCKS5_REPLY. The
 * bound address is all zeros: the real one is nothing the worker may know. */
size_t socks5_refuse(enum socks5_result result, uint8_t reply[SOCKS5_REPLY]);
size_t socks5_answer(enum egress_reason reason, uint8_t reply[SOCKS5_REPLY]);

#endif
