/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/door.h"

#include <errno.h>
#include <sys/socket.h>

#include "egress/http_connect.h"
#include "egress/socket.h"
#include "egress/socks5.h"
#include "egress/tell.h"

#define SOCKS5_VERSION 5

/* What was looked at goes out of the socket. */
static bool take(struct flow *flow, size_t len)
{
	return socket_drop(flow->worker.watch.fd, flow->tenant->relay.room->scratch, len) ==
	       (ssize_t)len;
}

/* Not a request at all, or one for a host that is none: told here, because a flow without a
 * destination has nothing that could be judged. */
static void refuse(struct flow *flow, enum egress_reason reason, const void *bytes, size_t len)
{
	struct denial denial = {.reason = reason};

	tell_denied(flow, &denial, NULL);
	if (len && socket_say(flow->worker.watch.fd, bytes, len))
		flow_part(flow);
	else
		flow_end(flow, END_RST);
}

static void refuse_connect(struct flow *flow, enum connect_result result, enum host_fault fault)
{
	char response[CONNECT_MAX_RESPONSE];

	flow->via = VIA_CONNECT;
	refuse(flow, result == CONNECT_BAD_TARGET ? REASON_BAD_NAME : REASON_BAD_REQUEST, response,
		connect_refuse(result, fault, response));
}

static void refuse_socks5(struct flow *flow, enum socks5_result result)
{
	uint8_t reply[SOCKS5_REPLY];

	refuse(flow, result == SOCKS5_BAD_HOST ? REASON_BAD_NAME : REASON_BAD_REQUEST, reply,
		result == SOCKS5_BAD ? 0 : socks5_refuse(result, reply));
}

static void ask(
	struct flow *flow, enum audit_via via, const struct egress_host *host, uint16_t port)
{
	flow->via = via;
	flow_asked(flow, host, port);
}

static bool http_connect(struct flow *flow, const char *bytes, size_t len)
{
	struct connect_request request = {0};
	enum connect_result result = connect_parse(bytes, len, &request);

	if (result == CONNECT_NEED_MORE)
		return false;
	if (result != CONNECT_OK)
		refuse_connect(flow, result, request.fault);
	else if (!take(flow, request.head_len))
		flow_end(flow, END_RST);
	else
		ask(flow, VIA_CONNECT, &request.host, request.port);
	return true;
}

/* False: more bytes are needed, or the request may be there already. */
static bool greet(struct flow *flow, const uint8_t *bytes, size_t len)
{
	uint8_t reply[SOCKS5_METHOD_REPLY];
	size_t message = 0;
	enum socks5_result result = socks5_greeting(bytes, len, &message);

	if (result == SOCKS5_NEED_MORE)
		return false;
	flow->via = VIA_SOCKS5;
	if (result == SOCKS5_BAD) {
		refuse_socks5(flow, result);
		return true;
	}
	socks5_method_reply(result, reply);
	if (result != SOCKS5_OK) {
		refuse(flow, REASON_BAD_REQUEST, reply, sizeof(reply));
		return true;
	}
	if (!take(flow, message) || !socket_say(flow->worker.watch.fd, reply, sizeof(reply))) {
		flow_end(flow, END_RST);
		return true;
	}
	flow->greeted = true;
	loop_later(flow->tenant->loop, &flow->task);
	return true;
}

static bool socks5(struct flow *flow, const uint8_t *bytes, size_t len)
{
	struct socks5_request request = {0};
	size_t message = 0;
	enum socks5_result result;

	if (!flow->greeted)
		return greet(flow, bytes, len);
	result = socks5_request(bytes, len, &request, &message);
	if (result == SOCKS5_NEED_MORE)
		return false;
	if (result != SOCKS5_OK)
		refuse_socks5(flow, result);
	else if (!take(flow, message))
		flow_end(flow, END_RST);
	else
		ask(flow, VIA_SOCKS5, &request.host, request.port);
	return true;
}

void door_step(struct flow *flow)
{
	char *bytes = flow->tenant->relay.room->scratch;
	ssize_t got = recv(flow->worker.watch.fd, bytes, CONNECT_MAX_HEAD, MSG_PEEK | MSG_DONTWAIT);
	bool is_socks5, done;

	if (got < 0 && (errno == EAGAIN || errno == EINTR) && !flow->worker.failed)
		return;
	/* Whoever comes and goes without a word is nobody's business. */
	if (got <= 0) {
		flow_end(flow, got == 0 ? END_FIN : END_RST);
		return;
	}
	is_socks5 = flow->greeted || bytes[0] == SOCKS5_VERSION;
	done = is_socks5 ? socks5(flow, (const uint8_t *)bytes, (size_t)got)
			 : http_connect(flow, bytes, (size_t)got);
	if (done || !flow->worker.finished)
		return;
	if (is_socks5)
		refuse_socks5(flow, SOCKS5_BAD);
	else
		refuse_connect(flow, CONNECT_BAD_REQUEST, HOST_FAULT_NONE);
}

bool door_answer(struct flow *flow, enum egress_reason reason, const char *entry)
{
	char response[CONNECT_MAX_RESPONSE];
	uint8_t reply[SOCKS5_REPLY];

	if (flow->via == VIA_SOCKS5)
		return socket_say(flow->worker.watch.fd, reply, socks5_answer(reason, reply));
	return socket_say(flow->worker.watch.fd, response, connect_answer(reason, entry, response));
}
