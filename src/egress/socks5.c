/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/socks5.h"

#include <string.h>

#include "egress/bytes.h"

#define VERSION 5
#define METHOD_NONE_NEEDED 0
#define METHOD_NONE_GOOD 0xff
#define COMMAND_CONNECT 1

enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

/* Reply field, RFC 1928, section 6. */
enum {
	REPLY_OK = 0,
	REPLY_FAILURE = 1,
	REPLY_NOT_ALLOWED = 2,
	REPLY_HOST_UNREACHABLE = 4,
	REPLY_COMMAND = 7,
	REPLY_ADDRESS_TYPE = 8
};

enum socks5_result socks5_greeting(const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct bytes_in in = bytes_in(bytes, len);
	uint8_t version = take_u8(&in), count;
	const uint8_t *methods;

	if (!in.bad && version != VERSION)
		return SOCKS5_BAD;
	count = take_u8(&in);
	if (!in.bad && count == 0)
		return SOCKS5_BAD;
	methods = take_bytes(&in, count);
	if (!methods)
		return SOCKS5_NEED_MORE;
	*ret_len = 2u + count;
	return memchr(methods, METHOD_NONE_NEEDED, count) ? SOCKS5_OK : SOCKS5_NO_METHOD;
}

/* The host of a type; a name that is an IPv4 address counts as one. False where bytes are
 * missing. */
static bool take_host(struct bytes_in *in, uint8_t type, struct socks5_request *request)
{
	size_t size = type == TYPE_V4 ? 4 : type == TYPE_V6 ? 16 : take_u8(in);
	const uint8_t *host = take_bytes(in, size);
	struct address address;

	if (!host)
		return false;
	if (type == TYPE_NAME) {
		request->fault = egress_host_parse((const char *)host, size, &request->host);
		return true;
	}
	address = type == TYPE_V4 ? address_from_v4(host) : address_from_v6(host);
	egress_host_from_address(&address, &request->host);
	return true;
}

enum socks5_result socks5_request(
	const uint8_t *bytes, size_t len, struct socks5_request *ret_request, size_t *ret_len)
{
	struct bytes_in in = bytes_in(bytes, len);
	struct socks5_request request = {0};
	uint8_t version = take_u8(&in), command = take_u8(&in), reserved = take_u8(&in);
	uint8_t type = take_u8(&in);

	if ((len >= 1 && version != VERSION) || (len >= 3 && reserved != 0))
		return SOCKS5_BAD;
	if (in.bad)
		return SOCKS5_NEED_MORE;
	/* How long the rest is, nobody can tell. */
	if (type != TYPE_V4 && type != TYPE_NAME && type != TYPE_V6) {
		*ret_len = len;
		return SOCKS5_ADDRESS_TYPE;
	}
	if (!take_host(&in, type, &request))
		return SOCKS5_NEED_MORE;
	request.port = take_u16(&in);
	if (in.bad)
		return SOCKS5_NEED_MORE;
	*ret_len = len - in.left;
	if (command != COMMAND_CONNECT)
		return SOCKS5_COMMAND;
	if (!request.fault && request.port == 0)
		request.fault = HOST_FAULT_PORT;
	if (request.fault) {
		ret_request->fault = request.fault;
		return SOCKS5_BAD_HOST;
	}
	*ret_request = request;
	return SOCKS5_OK;
}

size_t socks5_method_reply(enum socks5_result greeting, uint8_t reply[SOCKS5_METHOD_REPLY])
{
	reply[0] = VERSION;
	reply[1] = greeting == SOCKS5_OK ? METHOD_NONE_NEEDED : METHOD_NONE_GOOD;
	return SOCKS5_METHOD_REPLY;
}

static size_t put_reply(uint8_t code, uint8_t reply[SOCKS5_REPLY])
{
	memset(reply, 0, SOCKS5_REPLY);
	reply[0] = VERSION;
	reply[1] = code;
	reply[3] = TYPE_V4;
	return SOCKS5_REPLY;
}

size_t socks5_refuse(enum socks5_result result, uint8_t reply[SOCKS5_REPLY])
{
	switch (result) {
	case SOCKS5_COMMAND:
		return put_reply(REPLY_COMMAND, reply);
	case SOCKS5_ADDRESS_TYPE:
		return put_reply(REPLY_ADDRESS_TYPE, reply);
	case SOCKS5_BAD_HOST:
		return put_reply(REPLY_NOT_ALLOWED, reply);
	default:
		return put_reply(REPLY_FAILURE, reply);
	}
}

size_t socks5_answer(enum egress_reason reason, uint8_t reply[SOCKS5_REPLY])
{
	switch (reason) {
	case REASON_ALLOWED:
		return put_reply(REPLY_OK, reply);
	case REASON_NOT_RESOLVED:
	case REASON_DIAL_FAILED:
		return put_reply(REPLY_HOST_UNREACHABLE, reply);
	case REASON_LIMIT:
	case REASON_BAD_REQUEST:
		return put_reply(REPLY_FAILURE, reply);
	default:
		return put_reply(REPLY_NOT_ALLOWED, reply);
	}
}
