/* SPDX-License-Identifier: Apache-2.0 */
/* One message of JSON-RPC 2.0: what kind it is, and where its parts lie in the text. Pure, and
 * reading allocates nothing: the text is judged as a whole, but never taken apart, so that what is
 * handed on is what was written, number for number. */
#ifndef KS_WORKERS_MESSAGE_H
#define KS_WORKERS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum message_kind {
	MESSAGE_REQUEST, /* method and id */
	MESSAGE_NOTIFICATION, /* method alone */
	MESSAGE_RESPONSE, /* id, and a result or an error */
};

/* Bytes of the text; at == end where there are none. */
struct span {
	size_t at;
	size_t end;
};

struct message {
	const char *text;
	size_t len;
	enum message_kind kind;
	struct span version;
	struct span id; /* as it is written: with its quotes, where it is a string */
	struct span method; /* likewise */
	struct span params;
	struct span result;
	struct span error;
};

/* Reads one message. Returns 0, or -EPROTO with *ret_why, a sentence's part, for what is none, for
 * a batch, and for a key of the envelope that is given twice. */
int message_read(const char *text, size_t len, struct message *ret, const char **ret_why);

bool message_part_is(const struct message *message, struct span span, const char *text);

/* The method, by its name, which is ASCII: whatever escapes it is spelled with, since whoever reads
 * the message takes it for that one. */
bool message_method_is(const struct message *message, const char *name);

/* Where the value of a key lies in an object of the message, such as its params, which is known to
 * be JSON. Returns 1, 0 where the object has no such key (or is none), or -EPROTO where it has it
 * twice. */
int message_member(
	const struct message *message, struct span object, const char *key, struct span *ret_value);

/* The members of such an object, one after the other: *at is 0 before the first, and the key is as
 * it is written. Returns 1 with a member, 0 behind the last (or where it is no object), or
 * -EPROTO. */
int message_entry(const struct message *message, struct span object, size_t *at,
	struct span *ret_key, struct span *ret_value);
bool message_key_is(const struct message *message, struct span key, const char *name);

/* The values of an array of the message, one after the other: *at is 0 before the first. Returns 1
 * with a value, 0 behind the last (or where it is no array), or -EPROTO. */
int message_item(
	const struct message *message, struct span array, size_t *at, struct span *ret_value);

/* The message on one line, with other bytes (a JSON value) in the place of its id. Free with
 * free(). Returns 0 or -ENOMEM. */
int message_with_id(const struct message *message, const char *id, size_t id_len, char **ret_text,
	size_t *ret_len);

/* The same at the end of a buffer, whose error says whether it has room. */
void message_add(const struct message *message, const char *id, size_t id_len, struct strbuf *buf);

#endif
