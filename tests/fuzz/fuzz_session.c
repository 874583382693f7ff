/* SPDX-License-Identifier: Apache-2.0 */
/* A client and servers of MCP that say anything: each line of the input is what one of them writes,
 * or what happens to the server. Whatever it is, the client gets one answer for each id at most,
 * and nobody gets what is no message. */
#include "fuzz.h"

#include "mcp/session.h"
#include "workers/lines.h"

static unsigned requests, answers;

static void check_output(struct strbuf *from, int to_client)
{
	size_t at = 0;

	HOLDS(!from->error);
	while (at < from->len) {
		const char *line = from->data + at;
		const char *end = memchr(line, '\n', from->len - at);
		struct message message;
		const char *why = NULL;

		HOLDS(end);
		HOLDS(message_read(line, (size_t)(end - line), &message, &why) == 0);
		if (to_client && message.kind == MESSAGE_RESPONSE &&
			!message_part_is(&message, message.id, "null"))
			answers++;
		at += (size_t)(end - line) + 1;
	}
	from->len = 0;
	HOLDS(answers <= requests);
}

static void count(const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;

	requests += message_read(line, len, &message, &why) == 0 && message.kind == MESSAGE_REQUEST;
}

static void end(struct session *session, bool starting)
{
	ks_error *error = NULL;

	fault_error(&error, KS_FAULT_CRASH, "t", NULL, "it ended");
	session_ended(session, error, starting);
	ks_error_free(error);
}

static void expire(struct session *session, uint64_t now)
{
	ks_error *error = NULL;

	fault_error(&error, KS_FAULT_TIMEOUT, "t", NULL, "it took long");
	session_expire(session, now - 3, error);
	ks_error_free(error);
}

static void step(struct session *session, const char *line, size_t len, uint64_t now)
{
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	char *text = exact_copy(line + 1, len - 1);

	if (*line == 'c') {
		count(text, len - 1);
		HOLDS(session_client(session, text, len - 1, now) == 0);
	} else if (*line == 's' && session->up) {
		int r = session_server(session, text, len - 1, now, &verdict);

		HOLDS(r == 0 || r == 1 || (r == -1 && verdict.fault != KS_FAULT_NONE));
		if (r < 0)
			end(session, false);
	} else if (*line == 'u' && !session->up) {
		HOLDS(session_started(session, now) == 0);
	} else if (*line == 'e' && session->up) {
		end(session, false);
	} else if (*line == 'f' && session_wants_server(session)) {
		end(session, true);
		HOLDS(!session_wants_server(session) && !session_busy(session));
	} else if (*line == 'x' && session->up) {
		expire(session, now);
	}
	free(text);
	check_output(&session->to_client, 1);
	if (session->up)
		check_output(&session->to_server, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct session session;
	struct lines lines;
	uint64_t now = 10;

	requests = answers = 0;
	session_init(&session, NULL);
	lines_init(&lines, 4096);
	for (size_t at = 0, used = 0; at < len; at += used) {
		const char *line;
		size_t size;
		int r = lines_next(&lines, (const char *)bytes + at, len - at, &used, &line, &size);

		if (r < 0)
			break;
		if (r == 1)
			step(&session, line, size, now++);
	}
	/* In the end nobody waits for ever. */
	end(&session, true);
	check_output(&session.to_client, 1);
	HOLDS(!session_busy(&session));
	lines_done(&lines);
	session_done(&session);
	return 0;
}
