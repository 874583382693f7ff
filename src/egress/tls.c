/* SPDX-License-Identifier: Apache-2.0 */
/* Three layers: records (RFC 8446, section 5.1) hold a handshake message (section 4), which holds a
 * ClientHello (4.1.2) with its extensions (RFC 6066, section 3). */
#include "egress/tls.h"

#include "egress/bytes.h"

#define RECORD_HEADER 5
#define RECORD_FIRST_TYPE 20 /* change of cipher, alert, handshake, data, heartbeat */
#define RECORD_HANDSHAKE 22
#define RECORD_DATA 23
#define RECORD_LAST_TYPE 24
#define RECORD_MAX 16384
#define HANDSHAKE_HEADER 4
#define HANDSHAKE_CLIENT_HELLO 1 /* in SSL 2, too */
#define HANDSHAKE_SERVER_HELLO 2
#define CHANGE_OF_CIPHER (RECORD_HEADER + 1)
#define SSL2_SHORT_HEADER 0x80
#define SSL2_TYPE_AT 2
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_EARLY_DATA 42
#define EXTENSION_ECH 0xfe0d
#define NAME_TYPE_HOST 0

/* What is known of the message while its records are walked. */
struct message {
	uint8_t header[HANDSHAKE_HEADER];
	size_t seen; /* bytes of header and body that have come */
	size_t total; /* of header and body; 0 while the header is not whole */
	const uint8_t *only; /* the body, where it lies in one piece */
	uint8_t *gathered; /* else here, when not NULL */
};

/* The type and length of the message, as far as they have come. */
static enum tls_result check_header(struct message *message)
{
	size_t body;

	if (message->seen >= 1 && message->header[0] != HANDSHAKE_CLIENT_HELLO)
		return TLS_MALFORMED;
	if (message->seen < HANDSHAKE_HEADER)
		return TLS_NEED_MORE;
	body = (size_t)message->header[1] << 16 | (size_t)message->header[2] << 8 |
	       message->header[3];
	if (body > TLS_MAX_HELLO)
		return TLS_MALFORMED;
	message->total = HANDSHAKE_HEADER + body;
	return TLS_NEED_MORE;
}

/* Takes a fragment, of which len bytes have come. */
static enum tls_result add_fragment(struct message *message, const uint8_t *bytes, size_t len)
{
	size_t body_at;

	while (message->seen < HANDSHAKE_HEADER && len) {
		message->header[message->seen++] = *bytes++;
		len--;
	}
	if (!message->total) {
		enum tls_result result = check_header(message);

		if (result != TLS_NEED_MORE)
			return result;
	}
	if (!len || !message->total)
		return TLS_NEED_MORE;
	/* Nothing may share the last record: a server would read on there, this parser would not.
	 */
	if (len > message->total - message->seen)
		return TLS_MALFORMED;
	body_at = message->seen - HANDSHAKE_HEADER;
	if (body_at == 0)
		message->only = bytes;
	if (message->gathered)
		memcpy(message->gathered + body_at, bytes, len);
	message->seen += len;
	return TLS_NEED_MORE;
}

/* Whether a server could take the first bytes for TLS. Servers pass over much that may come before
 * a ClientHello (OpenSSL over empty records, Go's over warnings, wolfSSL over a strange version),
 * and OpenSSL takes the ClientHello of SSL 2, which names nobody: whatever could be the beginning
 * of such a thing is TLS, and has to be good. TLS_NAME stands for yes here. */
static enum tls_result judge_beginning(const struct bytes_in *in)
{
	if (!in->left)
		return TLS_NEED_MORE;
	if (in->at[0] >= RECORD_FIRST_TYPE && in->at[0] <= RECORD_LAST_TYPE)
		return TLS_NAME;
	if (!(in->at[0] & SSL2_SHORT_HEADER))
		return TLS_NOT_TLS;
	if (in->left <= SSL2_TYPE_AT)
		return TLS_NEED_MORE;
	return in->at[SSL2_TYPE_AT] == HANDSHAKE_CLIENT_HELLO ? TLS_MALFORMED : TLS_NOT_TLS;
}

/* The header of one record: true when the walk can go on into it. */
static bool read_record(struct bytes_in *in, size_t *ret_len, enum tls_result *ret_result)
{
	const uint8_t *header = in->at;
	size_t len;

	*ret_result = TLS_MALFORMED;
	if ((in->left >= 1 && header[0] != RECORD_HANDSHAKE) || (in->left >= 2 && header[1] != 3))
		return false;
	if (in->left < RECORD_HEADER) {
		*ret_result = TLS_NEED_MORE;
		return false;
	}
	len = (size_t)header[3] << 8 | header[4];
	if (len == 0 || len > RECORD_MAX)
		return false;
	take_bytes(in, RECORD_HEADER);
	*ret_len = len;
	return true;
}

/* Walks the records. TLS_NAME stands for a whole message here. *ret_pieces counts the records that
 * hold a part of the body; *ret_len is where the last one ends. */
static enum tls_result walk_records(const uint8_t *bytes, size_t len, struct message *message,
	unsigned *ret_pieces, size_t *ret_len)
{
	struct bytes_in in = bytes_in(bytes, len);
	enum tls_result result = judge_beginning(&in);

	*ret_pieces = 0;
	if (result != TLS_NAME)
		return result;
	for (unsigned records = 0;; records++) {
		size_t size, here;

		*ret_len = (size_t)(in.at - bytes);
		if (message->total && message->seen == message->total)
			return TLS_NAME;
		if (records == TLS_MAX_RECORDS)
			return TLS_MALFORMED;
		if (!read_record(&in, &size, &result))
			return result;
		/* The part that is still to come must fit, too. */
		here = size < in.left ? size : in.left;
		if (message->seen + size > HANDSHAKE_HEADER)
			++*ret_pieces;
		result = add_fragment(message, in.at, here);
		if (result != TLS_NEED_MORE)
			return result;
		if (message->total && size - here > message->total - message->seen)
			return TLS_MALFORMED;
		if (here < size)
			return TLS_NEED_MORE;
		take_bytes(&in, here);
	}
}

/* RFC 6066: a list of one host name. More than one, or one of another type, could be read in two
 * ways. */
static bool read_server_name(struct bytes_in data, struct egress_host *ret_host)
{
	struct bytes_in list = take_part(&data, take_u16(&data));
	uint8_t type = take_u8(&list);
	size_t len = take_u16(&list);
	const uint8_t *name = take_bytes(&list, len);

	if (!name || data.bad || data.left || list.left || type != NAME_TYPE_HOST)
		return false;
	return egress_host_parse((const char *)name, len, ret_host) == HOST_FAULT_NONE;
}

static enum tls_result read_extensions(struct bytes_in list, struct tls_hello *ret_hello)
{
	struct tls_hello hello = {0};
	bool named = false;

	while (list.left && !list.bad) {
		uint16_t type = take_u16(&list);
		struct bytes_in data = take_part(&list, take_u16(&list));

		if (list.bad)
			break;
		if (type == EXTENSION_ECH)
			hello.has_ech = true;
		if (type == EXTENSION_EARLY_DATA)
			hello.has_early_data = true;
		if (type != EXTENSION_SERVER_NAME)
			continue;
		if (named || !read_server_name(data, &hello.host))
			return TLS_MALFORMED;
		named = true;
	}
	if (list.bad)
		return TLS_MALFORMED;
	*ret_hello = hello;
	return named ? TLS_NAME : TLS_NO_NAME;
}

static enum tls_result read_hello(const uint8_t *body, size_t len, struct tls_hello *ret_hello)
{
	struct bytes_in in = bytes_in(body, len);
	size_t session, suites, methods;

	if (take_u16(&in) >> 8 != 3)
		return TLS_MALFORMED;
	take_bytes(&in, 32);
	session = take_u8(&in);
	take_bytes(&in, session);
	suites = take_u16(&in);
	take_bytes(&in, suites);
	methods = take_u8(&in);
	take_bytes(&in, methods);
	if (in.bad || session > 32 || suites == 0 || suites % 2 || methods == 0)
		return TLS_MALFORMED;
	if (in.left) {
		struct bytes_in list = take_part(&in, take_u16(&in));

		if (in.bad || in.left)
			return TLS_MALFORMED;
		return read_extensions(list, ret_hello);
	}
	*ret_hello = (struct tls_hello){0};
	return TLS_NO_NAME;
}

static enum tls_result read_gathered(const uint8_t *bytes, size_t len, struct tls_hello *ret_hello)
{
	uint8_t room[TLS_MAX_HELLO];
	struct message message = {.gathered = room};
	unsigned pieces;
	size_t end;

	walk_records(bytes, len, &message, &pieces, &end);
	return read_hello(room, message.total - HANDSHAKE_HEADER, ret_hello);
}

enum tls_result tls_client_hello(const uint8_t *bytes, size_t len, struct tls_hello *ret_hello)
{
	struct message message = {0};
	unsigned pieces;
	size_t end;
	enum tls_result result = walk_records(
		bytes, len < TLS_MAX_PREFIX ? len : TLS_MAX_PREFIX, &message, &pieces, &end);

	if (result != TLS_NAME)
		return result;
	if (message.total == HANDSHAKE_HEADER)
		return TLS_MALFORMED;
	if (pieces == 1)
		result = read_hello(message.only, message.total - HANDSHAKE_HEADER, ret_hello);
	else
		result = read_gathered(bytes, len, ret_hello);
	if (result != TLS_MALFORMED)
		ret_hello->len = end;
	return result;
}

/* What no other ServerHello has for its random number (RFC 8446, section 4.1.3). */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d,
	0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07,
	0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

enum tls_reply tls_server_reply(const uint8_t *bytes, size_t len)
{
	const size_t random_at = RECORD_HEADER + HANDSHAKE_HEADER + 2;

	_Static_assert(
		RECORD_HEADER + HANDSHAKE_HEADER + 2 + sizeof(retry_random) == TLS_REPLY_PREFIX,
		"up to the end of the random number");
	if ((len >= 1 && bytes[0] != RECORD_HANDSHAKE) ||
		(len > RECORD_HEADER && bytes[RECORD_HEADER] != HANDSHAKE_SERVER_HELLO))
		return TLS_REPLY_OTHER;
	if (len < TLS_REPLY_PREFIX)
		return TLS_REPLY_NEED_MORE;
	return memcmp(bytes + random_at, retry_random, sizeof(retry_random)) == 0 ? TLS_REPLY_RETRY
										  : TLS_REPLY_OTHER;
}

int tls_change_of_cipher(const uint8_t *bytes, size_t len)
{
	if (!len || bytes[0] != RECORD_FIRST_TYPE)
		return 0;
	if (len < CHANGE_OF_CIPHER)
		return -1;
	return bytes[3] == 0 && bytes[4] == 1 ? CHANGE_OF_CIPHER : 0;
}

int tls_data_record(const uint8_t *bytes, size_t len)
{
	size_t size;

	if (!len || bytes[0] != RECORD_DATA)
		return 0;
	if (len < RECORD_HEADER)
		return -1;
	size = RECORD_HEADER + ((size_t)bytes[3] << 8 | bytes[4]);
	if (size > TLS_MAX_DATA_RECORD)
		return 0;
	return size <= len ? (int)size : -1;
}
