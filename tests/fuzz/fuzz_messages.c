/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker writes: the same lines come out however its bytes are cut, and a line that is taken
 * for a message is one to another reader too, also with another id. */
#include "fuzz.h"

#include <errno.h>
#include <jansson.h>

#include "workers/lines.h"
#include "workers/message.h"

#define BOUND 512

struct result {
	char text[8192];
	size_t len;
	int end;
};

static void read_again(const struct message *message)
{
	struct message again;
	const char *why = NULL;
	char *text = NULL;
	size_t len = 0;

	HOLDS(message_with_id(message, "\"other\"", 7, &text, &len) == 0);
	HOLDS(strlen(text) == len && !memchr(text, '\n', len));
	if (message->id.end > message->id.at) {
		HOLDS(message_read(text, len, &again, &why) == 0);
		HOLDS(again.kind == message->kind &&
			message_part_is(&again, again.id, "\"other\""));
	}
	free(text);
}

static void check_line(const char *line, size_t len)
{
	char *copy = exact_copy(line, len);
	struct message message;
	const char *why = NULL;
	json_error_t error;
	json_t *json;
	int r = message_read(copy, len, &message, &why);

	HOLDS(r == 0 || (r == -EPROTO && why));
	json = json_loadb(copy, len, JSON_ALLOW_NUL, &error);
	/* Numbers that it cannot hold, and a NUL in a key, are jansson's own limits. */
	if (r == 0)
		HOLDS(json || json_error_code(&error) == json_error_numeric_overflow ||
			json_error_code(&error) == json_error_null_byte_in_key);
	if (r == 0)
		read_again(&message);
	if (r == 0 && json && message.kind != MESSAGE_RESPONSE)
		HOLDS(json_is_string(json_object_get(json, "method")));
	json_decref(json);
	free(copy);
}

static void split(const uint8_t *bytes, size_t len, size_t step, struct result *result)
{
	struct lines lines;
	int r = 0;

	*result = (struct result){.len = 0};
	lines_init(&lines, BOUND);
	for (size_t at = 0; at < len && r >= 0;) {
		size_t n = len - at < step ? len - at : step, used = 0, size = 0;
		char *piece = exact_copy(bytes + at, n);
		const char *line;

		r = lines_next(&lines, piece, n, &used, &line, &size);
		HOLDS(r <= 1 && (r < 0 || used <= n));
		if (r == 1) {
			HOLDS(size <= BOUND && result->len + size < sizeof(result->text));
			memcpy(result->text + result->len, line, size);
			result->len += size;
			check_line(line, size);
		}
		at += r < 0 ? 0 : used;
		free(piece);
	}
	result->end = lines_end(&lines);
	lines_done(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct result whole, cut;

	if (len < 1 || len > 4096)
		return 0;
	split(bytes + 1, len - 1, len, &whole);
	split(bytes + 1, len - 1, bytes[0] % 16 + 1u, &cut);
	HOLDS(whole.end == cut.end && whole.len == cut.len);
	HOLDS(memcmp(whole.text, cut.text, whole.len) == 0);
	return 0;
}
