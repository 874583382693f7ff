/* SPDX-License-Identifier: Apache-2.0 */
/* A client of MCP and three servers behind the router that say anything: each line of the input is
 * what one of them writes (c, 0, 1, 2), that a server has ended (e0) and come again (v0), or does
 * not read (f0, r0). Whatever it is, the client gets one answer for each id at most, everybody gets
 * messages, servers get requests under the router's own ids alone, and in the end nobody waits. */
#include "fuzz.h"

#include "mcp/router.h"
#include "workers/lines.h"

#define SERVERS 3

static unsigned requests, answers;

static void check_line(const char *line, size_t len, int to_client)
{
	struct message message;
	const char *why = NULL;

	HOLDS(message_read(line, len, &message, &why) == 0);
	if (to_client && message.kind == MESSAGE_RESPONSE &&
		!message_part_is(&message, message.id, "null"))
		answers++;
	if (message.kind == MESSAGE_REQUEST)
		HOLDS(strncmp(line + message.id.at, "\"kastellan-", 11) == 0);
}

static void check_output(struct strbuf *from, int to_client)
{
	HOLDS(!from->error);
	for (size_t at = 0; at < from->len;) {
		const char *line = from->data + at;
		const char *end = memchr(line, '\n', from->len - at);

		HOLDS(end);
		check_line(line, (size_t)(end - line), to_client);
		at += (size_t)(end - line) + 1;
	}
	from->len = 0;
	HOLDS(answers <= requests);
}

static void check_all(struct router *router)
{
	check_output(&router->to_client, 1);
	for (size_t i = 0; i < SERVERS; i++)
		check_output(&router->peers[i].to_server, 0);
	router->notes.len = 0;
}

static void step(struct router *router, const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;
	char *text = exact_copy(line + 1, len - 1);
	size_t index = (size_t)((len > 1 ? text[0] : '0') - '0');

	if (*line == 'c') {
		requests += message_read(text, len - 1, &message, &why) == 0 &&
			    message.kind == MESSAGE_REQUEST;
		HOLDS(router_client(router, text, len - 1) == 0);
	} else if (*line >= '0' && *line < '0' + SERVERS) {
		HOLDS(router_server(router, (size_t)(*line - '0'), text, len - 1) == 0);
	} else if (*line == 'e' && index < SERVERS) {
		router_gone(router, index);
	} else if (*line == 'v' && index < SERVERS && router->answered) {
		HOLDS(router_revived(router, index) == 0);
	} else if ((*line == 'f' || *line == 'r') && index < SERVERS) {
		router->peers[index].full = *line == 'f';
	}
	free(text);
	check_all(router);
}

/* As the sessions do when everything ends. */
static void answer_all(struct router *router)
{
	while (router->calls.first) {
		const struct route *route = router->calls.first;
		char line[160];

		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":1,\"message\":\"\"}}",
			route->own);
		HOLDS(router_server(router, route->server, line, strlen(line)) == 0);
		check_all(router);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const names[SERVERS] = {"a", "b", "c-d"};
	struct router router;
	struct lines lines;

	requests = answers = 0;
	HOLDS(router_init(&router, names, SERVERS) == 0);
	lines_init(&lines, 4096);
	for (size_t at = 0, used = 0; at < len; at += used) {
		const char *line;
		size_t size;
		int r = lines_next(&lines, (const char *)bytes + at, len - at, &used, &line, &size);

		if (r < 0)
			break;
		if (r == 1)
			step(&router, line, size);
	}
	answer_all(&router);
	HOLDS(!router_busy(&router) && !router.n_listings && !router.initialize_id);
	lines_done(&lines);
	router_done(&router);
	return 0;
}
