/* SPDX-License-Identifier: Apache-2.0 */
/* The name in a TLS ClientHello. The worker wrote these bytes and a server will read them, so the
 * parser takes what RFC 8446 and RFC 6066 allow and nothing else: where it and the server could
 * read two names, there is none.
 *
 * What it cannot see: a name inside Encrypted ClientHello (has_ech tells that the extension is
 * there; browsers send an empty one always), and what is asked for inside the session.
 *
 * Pure: no system call, no memory, thread-safe. */
#ifndef KS_EGRESS_TLS_H
#define KS_EGRESS_TLS_H

#include "egress/host.h"

/* How many bytes of a stream may have to be looked at: a ClientHello of 16 KiB in 64 records. */
#define TLS_MAX_RECORDS 64
#define TLS_MAX_HELLO 16384
#define TLS_MAX_PREFIX (TLS_MAX_HELLO + 4 + TLS_MAX_RECORDS * 5)

enum tls_result {
	TLS_NEED_MORE, /* may become a ClientHello */
	TLS_NOT_TLS, /* no server could take the first bytes for TLS */
	TLS_NAME, /* ret_hello->host is the server name */
	TLS_NO_NAME, /* a whole ClientHello without one */
	TLS_MALFORMED, /* begins as TLS, and is no such ClientHello, or past the bounds */
	TLS_RESULT_COUNT
};

struct tls_hello {
	struct egress_host host;
	bool has_ech;
	bool has_early_data; /* records of it may follow, before the server has answered */
	size_t len; /* of the stream's bytes up to the end of its last record */
};

/* Looks at the first bytes of a stream, from its very beginning, however they arrived: call it
 * again with all of them when there are more. The work of a call that ends in TLS_NEED_MORE is that
 * of walking the records, not the bytes. Never reads past TLS_MAX_PREFIX; given as many bytes, it
 * never needs more. ret_hello changes with TLS_NAME and TLS_NO_NAME only. */
enum tls_result tls_client_hello(const uint8_t *bytes, size_t len, struct tls_hello *ret_hello);

enum tls_reply {
	TLS_REPLY_NEED_MORE,
	TLS_REPLY_RETRY, /* a HelloRetryRequest: the client says hello once more */
	TLS_REPLY_OTHER
};

#define TLS_REPLY_PREFIX 43 /* bytes that are looked at */

/* Looks at the first bytes of what a server answers to a ClientHello. */
enum tls_reply tls_server_reply(const uint8_t *bytes, size_t len);

/* Bytes of the record that a client may send before its second hello (RFC 8446, D.4). -1 where it
 * is not whole, 0 where there is none. */
int tls_change_of_cipher(const uint8_t *bytes, size_t len);

#define TLS_MAX_DATA_RECORD (5 + 16384 + 256) /* RFC 8446, section 5.2 */

/* Bytes of the record of encrypted data at the front. -1 where it is not whole, 0 where there is
 * none. A server that asks for a second hello passes over those of the early data that it was
 * offered (section 4.2.10). */
int tls_data_record(const uint8_t *bytes, size_t len);

#endif
