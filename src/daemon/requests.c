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

/* The keys of the params, and where each is found. */
enum { CALL_TOOL, CALL_REQUEST, CALL_TIMEOUT, CALL_WAIT };
enum { DRAIN_TIMEOUT };

struct params {
	const char *text; /* of the message */
	const char *const *keys;
	struct span values[MAX_PARAMS]; /* empty: it is not there, or more than once */
};

struct method {
	const char *name;
	const char *keys[MAX_PARAMS + 1];
	/* Fills the result, as JSON on one line. 0, or -errno with an error. */
	int (*run)(struct connection *connection, const struct params *params, char **ret_result,
		ks_error **reterr);
};

static bool is_there(struct span span)
{
	return span.end > span.at;
}

/* NULL where there is none, or it is no string. */
static char *string_at(const char *text, struct span span)
{
	json_t *json = NULL;
	char *string = NULL;

	if (is_there(span))
		json = json_loadb(text + span.at, span.end - span.at, JSON_DECODE_ANY, NULL);
	if (json_is_string(json))
		string = strdup(json_string_value(json));
	json_decref(json);
	return string;
}

/* A number of milliseconds; 0 where there is none. */
static int number_of(
	const struct params *params, size_t which, uint64_t *ret_number, ks_error **reterr)
{
	struct span span = params->values[which];
	const char *key = params->keys[which];
	uint64_t number = 0;

	for (size_t at = span.at; at < span.end; at++) {
		char c = params->text[at];

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

static int run_call(struct connection *connection, const struct params *params, char **ret_result,
	ks_error **reterr)
{
	struct ks_call_options options = {.size = sizeof(options), .cancel_fd = connection->gone};
	autofree char *tool = string_at(params->text, params->values[CALL_TOOL]);
	struct span request = params->values[CALL_REQUEST];
	struct denied_request inner;
	struct call_watch watch;
	int r = number_of(params, CALL_TIMEOUT, &options.timeout_ms, reterr);

	if (r == 0)
		r = number_of(params, CALL_WAIT, &options.wait_ms, reterr);
	if (r < 0)
		return r;
	if (!tool || !is_there(request))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage", .field = tool ? "request" : "tool",
				.remedy = "write {\"tool\": NAME, \"request\": {...}}"),
			"call needs a tool and a request");
	inner = (struct denied_request){params->text + request.at, request.end - request.at};
	watch = denied_watch(&inner);
	return workers_call_watched(connection->daemon->workers, tool, inner.text, inner.len,
		&options, &watch, ret_result, NULL, reterr);
}

static int run_status(struct connection *connection, const struct params *params, char **ret_result,
	ks_error **reterr)
{
	(void)params;
	return errors_status(connection->daemon, ret_result) < 0 ? error_oom(reterr) : 0;
}

static int done(char **ret_result, ks_error **reterr)
{
	*ret_result = strdup("{}");
	return *ret_result ? 0 : error_oom(reterr);
}

static int run_drain(struct connection *connection, const struct params *params, char **ret_result,
	ks_error **reterr)
{
	uint64_t timeout = 0;
	int r = number_of(params, DRAIN_TIMEOUT, &timeout, reterr);

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

static int run_reload(struct connection *connection, const struct params *params, char **ret_result,
	ks_error **reterr)
{
	int r = daemon_reload(connection->daemon, reterr);

	(void)params;
	return r < 0 ? r : done(ret_result, reterr);
}

static const struct method methods[] = {
	{.name = "call",
		.keys = {[CALL_TOOL] = "tool",
			[CALL_REQUEST] = "request",
			[CALL_TIMEOUT] = "timeout_ms",
			[CALL_WAIT] = "wait_ms"},
		.run = run_call},
	{.name = "status", .run = run_status},
	{.name = "drain", .keys = {[DRAIN_TIMEOUT] = "timeout_ms"}, .run = run_drain},
	{.name = "reload", .run = run_reload},
};

static const struct method *find_method(const struct message *message)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (message_method_is(message, methods[i].name))
			return &methods[i];
	return NULL;
}

/* Which of the method's keys it is; MAX_PARAMS: none. */
static size_t find_key(const struct method *method, const struct message *message, struct span key)
{
	for (size_t i = 0; method->keys[i]; i++)
		if (message_key_is(message, key, method->keys[i]))
			return i;
	return MAX_PARAMS;
}

static int refuse_param(const struct method *method, const char *name, ks_error **reterr)
{
	autostrbuf struct strbuf known;

	strbuf_init(&known, KS_MAX_TEXT);
	strbuf_puts(&known, method->keys[0] ? "its params are" : "leave it out");
	for (const char *const *at = method->keys; *at; at++)
		strbuf_addf(&known, "%s %s", at == method->keys ? "" : ",", *at);
	if (known.error)
		return error_oom(reterr);
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "usage", .field = name, .remedy = known.data), "%s has no param %s",
		method->name, name);
}

/* In one pass, as a request within the params may be long. A param that nobody reads is a bound
 * that nobody keeps. */
static int read_params(const struct method *method, const struct message *message,
	struct params *ret, ks_error **reterr)
{
	unsigned times[MAX_PARAMS] = {0};
	struct span key, value;
	size_t at = 0;

	*ret = (struct params){.text = message->text, .keys = method->keys};
	while (message_entry(message, message->params, &at, &key, &value) > 0) {
		size_t which = find_key(method, message, key);
		autofree char *name = NULL;

		if (which < MAX_PARAMS) {
			ret->values[which] = times[which]++ ? (struct span){0, 0} : value;
			continue;
		}
		name = strndup(message->text + key.at + 1, key.end - key.at - 2);
		return name ? refuse_param(method, name, reterr) : error_oom(reterr);
	}
	return 0;
}

/* The errors of a call name the grant that would do: the policy of its tool is needed for that. */
static void put_fault(struct daemon *daemon, const struct message *message, const char *id,
	const ks_error *error, struct strbuf *line)
{
	struct span span = {0, 0};
	struct ks_tool tool = {.size = sizeof(tool)};
	autofree char *name = NULL;
	autofree char *paths = NULL;
	ks_tools *tools;

	if (strcmp(ks_error_step(error), "usage") == 0) {
		reply_usage(line, id, error);
		return;
	}
	message_member(message, message->params, "tool", &span);
	name = string_at(message->text, span);
	tools = daemon_tools(daemon);
	if (!name || ks_tools_find(tools, name, &tool) < 0)
		tool.policy = NULL;
	else
		paths = diagnosis_command(tool.argv, tool.cwd, tool.policy);
	reply_fault(line, id, error, tool.policy, paths);
	ks_tools_free(tools);
}

void request_serve(struct connection *connection, const struct message *message)
{
	const struct method *method = find_method(message);
	struct params params;
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
	else if (read_params(method, message, &params, &error) == 0 &&
		 method->run(connection, &params, &result, &error) == 0)
		reply_json(&line, id, "result", result);
	else if (error)
		put_fault(connection->daemon, message, id, error, &line);
	if (!line.error && line.len)
		connection_send(connection, line.data, line.len);
	ks_error_free(error);
}
