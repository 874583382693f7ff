/* SPDX-License-Identifier: Apache-2.0 */
/* How the servers are initialised, each by the client's own request, and what the client hears of
 * it: one answer, when every one of them has answered or failed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kastellan/kastellan.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "mcp/reply.h"
#include "mcp/router.h"

#define INSTRUCTIONS_MAX 8192 /* bytes of one server's */
#define ERROR_MAX 4096 /* bytes of the error that calls of an absent server get */

/* The versions of the protocol, the oldest first. */
static const char *const versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

static bool is_known(const char *version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i], version) == 0)
			return true;
	return false;
}

/* Whoever calls a tool of it gets the error, and a long one would come often: what it wrote to its
 * stderr stands there once, in the answer that this was. */
static char *shorten(char *error)
{
	json_t *json;
	char *text;

	if (!error || strlen(error) <= ERROR_MAX)
		return error;
	json = json_loads(error, 0, NULL);
	json_object_del(json_object_get(json, "data"), "stderr");
	text = json_write(json, JSON_COMPACT);
	json_decref(json);
	free(error);
	if (text && strlen(text) > ERROR_MAX) {
		free(text);
		text = strdup("{\"code\":-32000,\"message\":\"the server gave an error that is "
			      "longer than 4 KiB\"}");
	}
	return text;
}

/* Takes the error. */
static int absent(struct router *router, size_t server, char *error)
{
	struct peer *peer = &router->peers[server];

	error = shorten(error);
	if (!error)
		return -ENOMEM;
	free(peer->error);
	peer->error = error;
	peer->state = PEER_ABSENT;
	return 0;
}

/* For a reason of ours. */
static int refuse_peer(struct router *router, size_t server, const char *why)
{
	json_t *json = json_with(json_object(), "code", json_integer(REPLY_INVALID));
	char *text;

	strbuf_addf(&router->notes, "server \"%s\": %s\n", peer_name(router, server), why);
	json = json_with(json, "message", json_text(why));
	text = json_write(json, JSON_COMPACT);
	json_decref(json);
	return absent(router, server, text);
}

int router_greet(struct router *router, size_t server)
{
	struct message message;
	struct route *route;
	const char *why = "too many requests wait";
	int r = message_read(router->initialize, strlen(router->initialize), &message, &why);

	if (r == 0)
		r = router_send(router, server, ROUTE_GREETING, &message, NULL, 0, &route, &why);
	if (r == -ENOBUFS)
		return refuse_peer(router, server, why);
	if (r == 0)
		router->peers[server].state = PEER_ASKED;
	return r;
}

static unsigned what_it_can(const json_t *capabilities)
{
	static const struct {
		const char *name;
		unsigned can;
	} rows[] = {
		{"tools", CAN_TOOLS},
		{"prompts", CAN_PROMPTS},
		{"resources", CAN_RESOURCES},
		{"logging", CAN_LOG},
		{"completions", CAN_COMPLETE},
	};
	unsigned can = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_is_object(json_object_get(capabilities, rows[i].name)))
			can |= rows[i].can;
	if (json_is_true(json_object_get(json_object_get(capabilities, "resources"), "subscribe")))
		can |= CAN_SUBSCRIBE;
	return can;
}

static int keep(char **slot, const char *text)
{
	free(*slot);
	*slot = text ? strdup(text) : NULL;
	return text && !*slot ? -ENOMEM : 0;
}

/* The version that the client has asked for may be younger than this list. */
static bool was_asked_for(const struct router *router, const char *version)
{
	struct message message;
	struct span span;
	const char *why = NULL;
	autofree char *asked = NULL;

	if (message_read(router->initialize, strlen(router->initialize), &message, &why) == 0 &&
		message_member(&message, message.params, "protocolVersion", &span) > 0)
		asked = splice_string(&message, span);
	return asked && strcmp(asked, version) == 0;
}

/* 1 where it can be used. */
static int read_result(struct router *router, size_t server, const json_t *result)
{
	struct peer *peer = &router->peers[server];
	const char *version = json_string_value(json_object_get(result, "protocolVersion"));
	const char *instructions = json_string_value(json_object_get(result, "instructions"));

	if (!version || (!is_known(version) && !was_asked_for(router, version)))
		return refuse_peer(
			router, server, "it speaks no version of the protocol that is known here");
	peer->can = what_it_can(json_object_get(result, "capabilities"));
	if (instructions && strlen(instructions) > INSTRUCTIONS_MAX)
		instructions = NULL;
	if (keep(&peer->version, version) < 0 || keep(&peer->instructions, instructions) < 0)
		return -ENOMEM;
	peer->state = PEER_READY;
	free(peer->error);
	peer->error = NULL;
	for (size_t i = server + 1; i < router->n_peers && router->peers[i].lead == server; i++) {
		router->peers[i].state = PEER_READY;
		router->peers[i].can = peer->can;
	}
	return 1;
}

static json_t *flag(json_t *object, const char *key, bool value)
{
	return value ? json_with(object, key, json_true()) : object;
}

/* Tools are always promised: an absent server may come with some. */
static json_t *capabilities(const struct router *router)
{
	json_t *json = json_object();
	unsigned can = CAN_TOOLS;

	for (size_t i = 0; i < router->n_peers; i++)
		can |= router->peers[i].state == PEER_READY ? router->peers[i].can : 0;
	json = json_with(json, "tools", flag(json_object(), "listChanged", true));
	if (can & CAN_PROMPTS)
		json = json_with(json, "prompts", flag(json_object(), "listChanged", true));
	if (can & CAN_RESOURCES)
		json = json_with(json, "resources",
			flag(flag(json_object(), "listChanged", true), "subscribe",
				can & CAN_SUBSCRIBE));
	if (can & CAN_LOG)
		json = json_with(json, "logging", json_object());
	if (can & CAN_COMPLETE)
		json = json_with(json, "completions", json_object());
	return json;
}

/* What each server has to say, and which are missing. */
static void instructions(const struct router *router, struct strbuf *to)
{
	for (size_t i = 0; i < router->n_peers; i++) {
		const struct peer *peer = &router->peers[i];
		json_t *error;

		if (!peer_leads(router, i))
			continue;
		if (peer->state == PEER_READY && peer->instructions)
			strbuf_addf(to, "%s (its names begin with %s__): %s\n", peer->name,
				peer->name, peer->instructions);
		if (peer->state != PEER_ABSENT)
			continue;
		error = json_loads(peer->error, 0, NULL);
		strbuf_addf(to, "The tools of %s are missing: %s\n", peer->name,
			json_string_value(json_object_get(error, "message"))
				? json_string_value(json_object_get(error, "message"))
				: "it did not start");
		json_decref(error);
	}
}

/* The oldest that one of them speaks: what is older, newer servers understand. */
static const char *common_version(const struct router *router)
{
	const char *oldest = NULL;

	for (size_t i = 0; i < router->n_peers; i++) {
		const struct peer *peer = &router->peers[i];

		if (peer_leads(router, i) && peer->state == PEER_READY &&
			(!oldest || strcmp(peer->version, oldest) < 0))
			oldest = peer->version;
	}
	return oldest;
}

static int answer_client(struct router *router, const char *version)
{
	autostrbuf struct strbuf said;
	autofree char *text = NULL;
	json_t *json = json_with(json_object(), "protocolVersion", json_string(version));

	strbuf_init(&said, KS_MAX_TEXT);
	instructions(router, &said);
	json = json_with(json, "capabilities", capabilities(router));
	json = json_with(json, "serverInfo",
		json_with(json_with(json_object(), "name", json_string("kastellan")), "version",
			json_string(ks_version())));
	if (said.len)
		json = json_with(json, "instructions", json_text(said.data));
	text = said.error ? NULL : json_write(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		return -ENOMEM;
	reply_json(&router->to_client, router->initialize_id, "result", text);
	return 0;
}

/* Where no server is left the client gets the first one's reason, and may try again. */
int router_settle(struct router *router)
{
	const char *version = common_version(router);
	int r = 0;

	if (!router->initialize_id)
		return 0;
	for (size_t i = 0; i < router->n_peers; i++)
		if (peer_leads(router, i) && (router->peers[i].state == PEER_ASKED ||
						     router->peers[i].state == PEER_NEW))
			return 0;
	if (version)
		r = answer_client(router, version);
	else
		reply_json(
			&router->to_client, router->initialize_id, "error", router->peers[0].error);
	router->answered = version != NULL;
	free(router->initialize_id);
	router->initialize_id = NULL;
	return r;
}

/* It came later than the answer: the client may ask for the lists again. */
static void tell_of_it(struct router *router, size_t server)
{
	static const struct {
		unsigned can;
		const char *what;
	} rows[] = {{CAN_TOOLS, "tools"}, {CAN_PROMPTS, "prompts"}, {CAN_RESOURCES, "resources"}};
	struct peer *peer = &router->peers[server];

	if (!router->initialized)
		return;
	strbuf_puts(&peer->to_server,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (peer->can & rows[i].can)
			strbuf_addf(&router->to_client,
				"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s/"
				"list_changed\"}\n",
				rows[i].what);
}

int router_greeted(struct router *router, size_t server, const struct message *message)
{
	int r;

	if (message->error.end > message->error.at) {
		r = absent(router, server, splice_copy(message, message->error));
	} else {
		json_t *result = json_loadb(message->text + message->result.at,
			message->result.end - message->result.at, JSON_ALLOW_NUL, NULL);

		r = read_result(router, server, result);
		json_decref(result);
	}
	if (r < 0)
		return r;
	if (router->initialize_id)
		return router_settle(router);
	if (r > 0)
		tell_of_it(router, server);
	return 0;
}
