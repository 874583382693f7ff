/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "egress/tls.h"

#define LOOK_MAX (TLS_MAX_PREFIX + 6) /* and the record that may come before it */

/* Of a first hello and the early data behind it. Servers take 16 KiB of that as a rule, and so much
 * has room in a connection that has just begun. */
#define EARLY_MOST 32768

_Static_assert(LOOK_MAX <= RELAY_SCRATCH, "a whole ClientHello is looked at in one piece");
_Static_assert(TLS_MAX_DATA_RECORD + 6 <= LOOK_MAX, "and so is a record of data");

/* An entry that is an address names no server. */
bool guard_applies(const struct flow *flow)
{
	return (flow->tenant->config.flags & EGRESS_FLAG_SNI) && flow->name &&
	       flow->port == GUARD_PORT;
}

static enum guard_result judge_hello(
	const struct flow *flow, enum tls_result result, const struct tls_hello *hello)
{
	switch (result) {
	case TLS_NOT_TLS:
		return flow->guard == GUARD_HELLO ? GUARD_PASSES : GUARD_MISSING;
	case TLS_NAME:
		return strcmp(hello->host.text, flow->name) == 0 ? GUARD_PASSES : GUARD_MISMATCH;
	default:
		return GUARD_MISSING;
	}
}

/* The first bytes, which stay where they are. 0: none yet. -1: there is an end instead. */
static ssize_t look(struct end *end, char *bytes, size_t len)
{
	ssize_t got = recv(end->watch.fd, bytes, len, MSG_PEEK | MSG_DONTWAIT);

	if (got > 0)
		return got;
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end->failed = true;
		end->readable = false;
		return 0;
	}
	return -1;
}

/* What was sent on the chance that the server takes it, which it does not when it asks for a second
 * hello: 0 where there is none at the front, -1 where it is not whole. */
static int early_data(const struct flow *flow, const char *text, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)text;
	int skip, data;

	if (flow->guard != GUARD_AGAIN || !flow->early)
		return 0;
	skip = tls_change_of_cipher(bytes, len);
	if (skip < 0)
		return -1;
	data = tls_data_record(bytes + skip, len - (size_t)skip);
	if (data > 0 && flow->up.bytes + (uint64_t)(skip + data) > EARLY_MOST)
		return 0;
	return data > 0 ? skip + data : data;
}

/* *ret_skip: of what may come before the second hello. */
static enum tls_result parse(const struct flow *flow, const char *text, size_t len, int *ret_skip,
	struct tls_hello *hello)
{
	const uint8_t *bytes = (const uint8_t *)text;

	*ret_skip = flow->guard == GUARD_AGAIN ? tls_change_of_cipher(bytes, len) : 0;
	if (*ret_skip < 0)
		return TLS_NEED_MORE;
	return tls_client_hello(bytes + *ret_skip, len - (size_t)*ret_skip, hello);
}

enum guard_result guard_look(struct flow *flow, struct egress_host *ret_sni, size_t *ret_len)
{
	struct end *worker = &flow->worker;
	char *bytes = flow->tenant->relay.room->scratch;
	ssize_t got = look(worker, bytes, LOOK_MAX);
	struct tls_hello hello = {0};
	enum guard_result verdict;
	enum tls_result result;
	int skip = 0, data;

	ret_sni->text[0] = '\0';
	*ret_len = 0;
	if (got == 0)
		return GUARD_WAITS;
	if (got < 0) {
		/* An end without a beginning: nothing was asked for. */
		flow->guard = GUARD_OFF;
		return GUARD_PASSES;
	}
	data = early_data(flow, bytes, (size_t)got);
	if (data > 0) {
		*ret_len = (size_t)data;
		return GUARD_PASSES;
	}
	result = data < 0 ? TLS_NEED_MORE : parse(flow, bytes, (size_t)got, &skip, &hello);
	if (result == TLS_NEED_MORE && !worker->finished) {
		worker->readable = false;
		return GUARD_WAITS;
	}
	if (result == TLS_NAME)
		*ret_sni = hello.host;
	verdict = judge_hello(flow, result, &hello);
	if (verdict != GUARD_PASSES)
		return verdict;
	flow->early = hello.has_early_data;
	*ret_len = hello.len ? (size_t)skip + hello.len : 0;
	flow->guard = result == TLS_NAME && flow->guard == GUARD_HELLO ? GUARD_REPLY : GUARD_OFF;
	return GUARD_PASSES;
}

void guard_hear(struct flow *flow)
{
	struct end *server = &flow->server;
	char *bytes = flow->tenant->relay.room->scratch;
	ssize_t got = look(server, bytes, TLS_REPLY_PREFIX);
	enum tls_reply reply = TLS_REPLY_OTHER;

	if (got == 0)
		return;
	if (got > 0)
		reply = tls_server_reply((const uint8_t *)bytes, (size_t)got);
	if (reply == TLS_REPLY_NEED_MORE && !server->finished)
		server->readable = false;
	else
		flow->guard = reply == TLS_REPLY_RETRY ? GUARD_AGAIN : GUARD_OFF;
}
