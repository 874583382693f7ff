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

#define MAX_PARAMS 4

struct method {
	const char *name;
	const char *params[MAX_PARAMS + 1]; /* the keys that it knows */
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
			return error_set(reterr, -EINVAL,
				ABOUT(.step = "usage", .field = key,
					.remedy = "write a whole number"),
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
			ABOUT(.step = "usage", .field = tool ? "request" : "tool",
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
	{"call", {"tool", "request", "timeout_ms", "wait_ms"}, run_call},
	{"status", {NULL}, run_status},
	{"drain", {"timeout_ms"}, run_drain},
	{"reload", {NULL}, run_reload},
};

static const struct method *find_method(const struct message *message)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (message_method_is(message, methods[i].name))
			return &methods[i];
	return NULL;
}

static bool knows(const struct method *method, const struct message *message, struct span key)
{
	for (const char *const *name = method->params; *name; name++)
		if (message_key_is(message, key, *name))
			return true;
	return false;
}

static int refuse_param(const struct method *method, const char *name, ks_error **reterr)
{
	autostrbuf struct strbuf known;

	strbuf_init(&known, KS_MAX_TEXT);
	strbuf_puts(&known, method->params[0] ? "its params are" : "leave it out");
	for (const char *const *at = method->params; *at; at++)
		strbuf_addf(&known, "%s %s", at == method->params ? "" : ",", *at);
	if (known.error)
		return error_oom(reterr);
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "usage", .field = name, .remedy = known.data), "%s has no param %s",
		method->name, name);
}

/* A param that nobody reads is a bound that nobody keeps. */
static int check_params(
	const struct method *method, const struct message *message, ks_error **reterr)
{
	struct span key, value;
	size_t at = 0;

	while (message_entry(message, message->params, &at, &key, &value) > 0) {
		autofree char *name = NULL;

		if (knows(method, message, key))
			continue;
		name = strndup(message->text + key.at + 1, key.end - key.at - 2);
		return name ? refuse_param(method, name, reterr) : error_oom(reterr);
	}
	return 0;
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
		reply_usage(line, id, error);
	else
		reply_fault(line, id, error, tool.policy, paths);
	ks_tools_free(tools);
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
		reply_error(
			&line, id, REPLY_METHOD, "the methods are call, status, drain and reload");
	else if (check_params(method, message, &error) == 0 &&
		 method->run(connection, message, &result, &error) == 0)
		reply_json(&line, id, "result", result);
	else if (error)
		put_fault(connection->daemon, message, id, error, &line);
	if (!line.error && line.len)
		connection_send(connection, line.data, line.len);
	ks_error_free(error);
}
