/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "egress/tls.h"

_Static_assert(TLS_MAX_PREFIX <= RELAY_SCRATCH, "a whole ClientHello is looked at in one piece");

/* An entry that is an address names no server. */
bool guard_applies(const struct flow *flow)
{
	return (flow->proxy->config.flags & EGRESS_FLAG_SNI) && flow->name &&
	       flow->port == GUARD_PORT;
}

static enum guard_result judge_hello(
	const struct flow *flow, enum tls_result result, const struct tls_hello *hello)
{
	switch (result) {
	case TLS_NOT_TLS:
		return GUARD_PASSES;
	case TLS_NAME:
		return strcmp(hello->host.text, flow->name) == 0 ? GUARD_PASSES : GUARD_MISMATCH;
	default:
		return GUARD_MISSING;
	}
}

enum guard_result guard_look(struct flow *flow, struct egress_host *ret_sni)
{
	struct end *worker = &flow->worker;
	char *bytes = flow->proxy->relay.scratch;
	ssize_t got = recv(worker->watch.fd, bytes, TLS_MAX_PREFIX, MSG_PEEK | MSG_DONTWAIT);
	struct tls_hello hello = {0};
	enum tls_result result;

	ret_sni->text[0] = '\0';
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			worker->failed = true;
		worker->readable = false;
		return GUARD_WAITS;
	}
	/* An end without a beginning: nothing was asked for. */
	if (got == 0)
		return GUARD_PASSES;
	result = tls_client_hello((const uint8_t *)bytes, (size_t)got, &hello);
	if (result == TLS_NEED_MORE && !worker->finished) {
		worker->readable = false;
		return GUARD_WAITS;
	}
	if (result == TLS_NAME)
		*ret_sni = hello.host;
	return judge_hello(flow, result, &hello);
}
