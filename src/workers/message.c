/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "policy/scan.h"

/* Where each key of the envelope is kept. */
#define MEMBER(name, member)                                             \
	{                                                                \
		name, sizeof(name) - 1, offsetof(struct message, member) \
	}
static const struct {
	const char *name;
	size_t len;
	size_t offset;
} members[] = {
	MEMBER("jsonrpc", version),
	MEMBER("id", id),
	MEMBER("method", method),
	MEMBER("params", params),
	MEMBER("result", result),
	MEMBER("error", error),
};

static bool present(struct span span)
{
	return span.end > span.at;
}

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EPROTO;
}

/* The next character of a string as it is written, which *at moves behind: as a number of UTF-16
 * where it is an escape, else as its byte. */
static int next_character(const char **at)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	const char *from = *at;
	char digits[5] = "";

	if (*from != '\\') {
		++*at;
		return (unsigned char)*from;
	}
	if (from[1] != 'u') {
		*at += 2;
		return meant[strchr(escapes, from[1]) - escapes];
	}
	*at += 6;
	memcpy(digits, from + 2, 4);
	return (int)strtol(digits, NULL, 16);
}

/* Whether a good string of JSON as it is written, with its quotes, is that name, which is ASCII.
 * Spelled with escapes it is the same name to whoever reads the message. */
static bool spells(const char *written, size_t len, const char *name, size_t name_len)
{
	const char *end = written + len - 1;

	if (len <= name_len + 2)
		return len == name_len + 2 && memcmp(written + 1, name, name_len) == 0;
	for (written++; *name; name++)
		if (written >= end || next_character(&written) != (unsigned char)*name)
			return false;
	return written == end;
}

static struct span *find_member(struct message *message, struct span key)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (spells(message->text + key.at, key.end - key.at, members[i].name,
			    members[i].len))
			return (struct span *)((char *)message + members[i].offset);
	return NULL;
}

static int scan_value(struct positions *p, size_t *at, unsigned depth);

/* "key": with the white space behind it. */
static int scan_key(struct positions *p, size_t *at, struct span *ret_key)
{
	size_t length;

	ret_key->at = *at;
	if (!scan_peek(p, *at, '"') || scan_string(p, at, &length) < 0)
		return -EINVAL;
	ret_key->end = *at;
	scan_space(p, at);
	if (!scan_peek(p, *at, ':'))
		return -EINVAL;
	++*at;
	return 0;
}

/* Moves behind a comma, or says that the container ends: 1 = another entry, 0 = the end. */
static int next_entry(const struct positions *p, size_t *at, char close, bool first)
{
	scan_space(p, at);
	if (scan_peek(p, *at, close)) {
		++*at;
		return 0;
	}
	if (first)
		return 1;
	if (!scan_peek(p, *at, ','))
		return -EINVAL;
	++*at;
	scan_space(p, at);
	return scan_peek(p, *at, close) ? -EINVAL : 1;
}

static int scan_container(struct positions *p, size_t *at, unsigned depth)
{
	bool object = p->text[*at] == '{';
	char close = object ? '}' : ']';
	struct span key;
	int r;

	if (depth > KS_MAX_MESSAGE_DEPTH)
		return -EINVAL;
	++*at;
	for (bool first = true; (r = next_entry(p, at, close, first)) > 0; first = false) {
		if (object && scan_key(p, at, &key) < 0)
			return -EINVAL;
		if (scan_value(p, at, depth) < 0)
			return -EINVAL;
	}
	return r;
}

/* Recursion is bounded by KS_MAX_MESSAGE_DEPTH. */
static int scan_value(struct positions *p, size_t *at, unsigned depth)
{
	size_t length;

	scan_space(p, at);
	if (scan_peek(p, *at, '{') || scan_peek(p, *at, '['))
		return scan_container(p, at, depth + 1);
	return scan_scalar(p, at, &length);
}

/* The envelope: the object itself, whose members are noted. */
static int scan_envelope(
	struct positions *p, size_t *at, struct message *message, const char **ret_why)
{
	int r;

	++*at;
	for (bool first = true; (r = next_entry(p, at, '}', first)) > 0; first = false) {
		struct span key, *member;

		if (scan_key(p, at, &key) < 0)
			break;
		member = find_member(message, key);
		if (member && present(*member))
			return refuse(ret_why, "a key of the envelope is given twice");
		scan_space(p, at);
		key.at = *at;
		if (scan_value(p, at, 1) < 0)
			break;
		if (member)
			*member = (struct span){key.at, *at};
	}
	return r == 0 ? 0 : refuse(ret_why, "it is not valid JSON");
}

static char first_of(const struct message *message, struct span span)
{
	return present(span) ? message->text[span.at] : '\0';
}

/* A string or a whole number, and of a length that may be kept for each request that waits. */
static bool good_id(const struct message *message)
{
	const char *text = message->text + message->id.at;
	size_t len = message->id.end - message->id.at;

	if (len > KS_MAX_MESSAGE_ID)
		return false;
	if (*text == '"')
		return true;
	for (size_t i = *text == '-' ? 1 : 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

static const char bad_id[] =
	"its id is neither a string nor a whole number, or longer than 1024 bytes";

static int classify_call(struct message *message, const char **ret_why)
{
	char params = first_of(message, message->params);

	if (first_of(message, message->method) != '"')
		return refuse(ret_why, "its method is not a string");
	if (present(message->result) || present(message->error))
		return refuse(ret_why, "it has a method, and a result or an error");
	if (params && params != '{' && params != '[')
		return refuse(ret_why, "its params are neither an object nor an array");
	message->kind = present(message->id) ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
	if (message->kind == MESSAGE_REQUEST && !good_id(message))
		return refuse(ret_why, bad_id);
	return 0;
}

static int classify_response(struct message *message, const char **ret_why)
{
	message->kind = MESSAGE_RESPONSE;
	if (present(message->result) == present(message->error))
		return refuse(ret_why, present(message->result)
					       ? "it has both a result and an error"
					       : "it has no method, no result and no error");
	if (present(message->error) && first_of(message, message->error) != '{')
		return refuse(ret_why, "its error is not an object");
	if (!present(message->id))
		return refuse(ret_why, "it is a response without an id");
	/* Whoever could not read the request does not know its id either. */
	if (message_part_is(message, message->id, "null") && present(message->error))
		return 0;
	if (!good_id(message))
		return refuse(ret_why, bad_id);
	return 0;
}

int message_read(const char *text, size_t len, struct message *ret, const char **ret_why)
{
	struct positions scan = {.text = text, .len = len};
	size_t at = 0;
	int r;

	*ret = (struct message){.text = text, .len = len};
	if (utf8_prefix(text, len) != len)
		return refuse(ret_why, "it is not UTF-8");
	scan_space(&scan, &at);
	if (scan_peek(&scan, at, '['))
		return refuse(ret_why, "batches are not part of the protocol");
	if (!scan_peek(&scan, at, '{'))
		return refuse(ret_why, "it is not a JSON object");
	r = scan_envelope(&scan, &at, ret, ret_why);
	if (r < 0)
		return r;
	scan_space(&scan, &at);
	if (at < len)
		return refuse(ret_why, "something follows the JSON object");
	if (!message_part_is(ret, ret->version, "\"2.0\""))
		return refuse(ret_why, "\"jsonrpc\" is not \"2.0\"");
	return present(ret->method) ? classify_call(ret, ret_why) : classify_response(ret, ret_why);
}

bool message_part_is(const struct message *message, struct span span, const char *text)
{
	size_t len = strlen(text);

	return span.end - span.at == len && memcmp(message->text + span.at, text, len) == 0;
}

bool message_method_is(const struct message *message, const char *name)
{
	struct span method = message->method;

	return first_of(message, method) == '"' &&
	       spells(message->text + method.at, method.end - method.at, name, strlen(name));
}

bool message_key_is(const struct message *message, struct span key, const char *name)
{
	return spells(message->text + key.at, key.end - key.at, name, strlen(name));
}

/* Moves before the next entry of a container: 1, 0 behind the last or where it is none, or
 * -EPROTO. */
static int next_of(const struct message *message, struct span container, const char brackets[2],
	struct positions *ret_scan, size_t *at)
{
	bool first = *at == 0;
	int r;

	*ret_scan = (struct positions){.text = message->text, .len = container.end};
	if (first_of(message, container) != brackets[0])
		return 0;
	if (first)
		*at = container.at + 1;
	r = next_entry(ret_scan, at, brackets[1], first);
	return r < 0 ? -EPROTO : r;
}

static int take_value(struct positions *scan, size_t *at, struct span *ret_value)
{
	scan_space(scan, at);
	ret_value->at = *at;
	if (scan_value(scan, at, 2) < 0)
		return -EPROTO;
	ret_value->end = *at;
	return 1;
}

int message_entry(const struct message *message, struct span object, size_t *at,
	struct span *ret_key, struct span *ret_value)
{
	struct positions scan;
	int r = next_of(message, object, "{}", &scan, at);

	if (r <= 0)
		return r;
	return scan_key(&scan, at, ret_key) < 0 ? -EPROTO : take_value(&scan, at, ret_value);
}

int message_member(
	const struct message *message, struct span object, const char *key, struct span *ret_value)
{
	struct span name, value;
	size_t at = 0;
	int found = 0, r;

	while ((r = message_entry(message, object, &at, &name, &value)) > 0) {
		if (!message_key_is(message, name, key))
			continue;
		if (found)
			return -EPROTO;
		*ret_value = value;
		found = 1;
	}
	return r < 0 ? r : found;
}

int message_item(
	const struct message *message, struct span array, size_t *at, struct span *ret_value)
{
	struct positions scan;
	int r = next_of(message, array, "[]", &scan, at);

	return r <= 0 ? r : take_value(&scan, at, ret_value);
}

/* In JSON a line can only end between two tokens. */
static void blank(char *text, size_t len, char what)
{
	char *end = text + len, *at = text;

	while ((at = memchr(at, what, (size_t)(end - at))))
		*at++ = ' ';
}

static void on_one_line(char *text, size_t len)
{
	blank(text, len, '\n');
	blank(text, len, '\r');
}

int message_with_id(const struct message *message, const char *id, size_t id_len, char **ret_text,
	size_t *ret_len)
{
	size_t len = message->len - (message->id.end - message->id.at) + id_len;
	char *text = malloc(len + 1);
	char *to = text;

	if (!text)
		return -ENOMEM;
	to = mempcpy(to, message->text, message->id.at);
	to = mempcpy(to, id, id_len);
	to = mempcpy(to, message->text + message->id.end, message->len - message->id.end);
	*to = '\0';
	on_one_line(text, len);
	*ret_text = text;
	*ret_len = len;
	return 0;
}

void message_add(const struct message *message, const char *id, size_t id_len, struct strbuf *buf)
{
	size_t before = buf->len;

	strbuf_add(buf, message->text, message->id.at);
	strbuf_add(buf, id, id_len);
	strbuf_add(buf, message->text + message->id.end, message->len - message->id.end);
	if (!buf->error)
		on_one_line(buf->data + before, buf->len - before);
}
