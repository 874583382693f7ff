/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of the socket, one function each. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "daemon/denied.h"
#include "daemon/errors.h"
#include "daemon/state.h"
#include "mcp/diagnosis.h"
#include "mcp/reply.h"

#define INVALID_PARAMS (-32602)
#define NO_METHOD (-32601)

struct method {
	const char *name;
	/* Fills the result, as JSON on one line. 0, or -errno with an error. */
	int (*run)(struct connection *connection, const struct message *message, char **ret_result,
		ks_error **reterr);
};

/* A member of the params as text; NULL where there is none, or it is no string. */
static char *string_of(const struct message *message, const char *key)
{
	struct span span = {0, 0};
	json_t *json = NULL;
	char *text = NULL;

	if (message_member(message, message->params, key, &span) == 1)
		json = json_loadb(
			message->text + span.at, span.end - span.at, JSON_DECODE_ANY, NULL);
	if (json_is_string(json))
		text = strdup(json_string_value(json));
	json_decref(json);
	return text;
}

/* A number of milliseconds; 0 where there is none. */
static int number_of(
	const struct message *message, const char *key, uint64_t *ret_number, ks_error **reterr)
{
	struct span span = {0, 0};
	uint64_t number = 0;
	int found = message_member(message, message->params, key, &span);

	for (size_t at = span.at; found == 1 && at < span.end; at++) {
		char c = message->text[at];

		if (c < '0' || c > '9' || span.end - span.at > 12)
			return error_set(reterr, -EINVAL, ABOUT(.step = "usage", .field = key),
				"%s must be a number of milliseconds", key);
		number = number * 10 + (uint64_t)(c - '0');
	}
	*ret_number = number;
	return 0;
}

static int run_call(struct connection *connection, const struct message *message, char **ret_result,
	ks_error **reterr)
{
	struct ks_call_options options = {.size = sizeof(options), .cancel_fd = connection->gone};
	autofree char *tool = string_of(message, "tool");
	struct span request = {0, 0};
	struct denied_request inner;
	struct call_watch watch;
	int r = number_of(message, "timeout_ms", &options.timeout_ms, reterr);

	if (r == 0)
		r = number_of(message, "wait_ms", &options.wait_ms, reterr);
	if (r < 0)
		return r;
	if (!tool || message_member(message, message->params, "request", &request) != 1)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage",
				.remedy = "write {\"tool\": NAME, \"request\": {...}}"),
			"call needs a tool and a request");
	inner = (struct denied_request){message->text + request.at, request.end - request.at};
	watch = denied_watch(&inner);
	return workers_call_watched(connection->daemon->workers, tool, inner.text, inner.len,
		&options, &watch, ret_result, NULL, reterr);
}

static int run_status(struct connection *connection, const struct message *message,
	char **ret_result, ks_error **reterr)
{
	(void)message;
	return errors_status(connection->daemon, ret_result) < 0 ? error_oom(reterr) : 0;
}

static int done(char **ret_result, ks_error **reterr)
{
	*ret_result = strdup("{}");
	return *ret_result ? 0 : error_oom(reterr);
}

static int run_drain(struct connection *connection, const struct message *message,
	char **ret_result, ks_error **reterr)
{
	uint64_t timeout = 0;
	int r = number_of(message, "timeout_ms", &timeout, reterr);

	if (r < 0)
		return r;
	r = ks_workers_drain(connection->daemon->workers, timeout);
	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "worker", .remedy = "drain again, with more time"),
			"not every worker has been given back within %llu ms",
			(unsigned long long)timeout);
	return done(ret_result, reterr);
}

static int run_reload(struct connection *connection, const struct message *message,
	char **ret_result, ks_error **reterr)
{
	int r = daemon_reload(connection->daemon, reterr);

	(void)message;
	return r < 0 ? r : done(ret_result, reterr);
}

static const struct method methods[] = {
	{"call", run_call},
	{"status", run_status},
	{"drain", run_drain},
	{"reload", run_reload},
};

static const struct method *find_method(const struct message *message)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (message_method_is(message, methods[i].name))
			return &methods[i];
	return NULL;
}

/* The errors of a call name the grant that would do: the policy of its tool is needed for that. */
static void put_fault(struct daemon *daemon, const struct message *message, const char *id,
	const ks_error *error, struct strbuf *line)
{
	autofree char *name = string_of(message, "tool");
	struct ks_tool tool = {.size = sizeof(tool)};
	autofree char *paths = NULL;
	ks_tools *tools = daemon_tools(daemon);

	if (!name || ks_tools_find(tools, name, &tool) < 0)
		tool.policy = NULL;
	else
		paths = diagnosis_command(tool.argv, tool.cwd, tool.policy);
	if (strcmp(ks_error_step(error), "usage") == 0)
		reply_error(line, id, INVALID_PARAMS, ks_error_message(error));
	else
		reply_fault(line, id, error, tool.policy, paths);
	ks_tools_free(tools);
}

static void put_result(struct strbuf *line, const char *id, const char *result)
{
	strbuf_puts(line, "{\"jsonrpc\":\"2.0\",\"id\":");
	strbuf_puts(line, id);
	strbuf_puts(line, ",\"result\":");
	strbuf_puts(line, result);
	strbuf_puts(line, "}\n");
}

void request_serve(struct connection *connection, const struct message *message)
{
	const struct method *method = find_method(message);
	autofree char *id = strndup(
		message->text + message->id.at, message->id.end - message->id.at);
	autofree char *result = NULL;
	autostrbuf struct strbuf line;
	ks_error *error = NULL;

	strbuf_init(&line, KS_MAX_TEXT);
	if (!id)
		return;
	if (!method)
		reply_error(&line, id, NO_METHOD, "the methods are call, status, drain and reload");
	else if (method->run(connection, message, &result, &error) == 0)
		put_result(&line, id, result);
	else if (error)
		put_fault(connection->daemon, message, id, error, &line);
	if (!line.error && line.len)
		connection_send(connection, line.data, line.len);
	ks_error_free(error);
}
