/* SPDX-License-Identifier: Apache-2.0 */
/* One function a kind of key, named by the table in fields.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "policy/parse.h"
#include "policy/say.h"
#include "policy/store.h"

int refuse_type(const struct reader *reader, const char *field, const char *wanted,
	const json_t *value, const struct node *node, const char *remedy)
{
	return problem_add(reader->problems, -EINVAL, node->at,
		ABOUT(.field = field, .remedy = remedy), "%s, got %s", wanted,
		what_is(reader, value, node).text);
}

int read_paths(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	const char *name = policy_field_name(field);
	const struct node *child = first_child(reader, node);

	if (!json_is_array(value))
		return refuse_type(reader, name, "must be an array of absolute paths", value, node,
			json_is_string(value)
				? "put brackets round the path: [\"/srv/data\"]"
				: "write an array such as [\"/srv/data\"], or [] for none");
	for (size_t i = 0; child; i++, child = next_child(reader, child)) {
		const json_t *path = json_array_get(value, i);
		int r;

		if (!json_is_string(path)) {
			refuse_type(reader, name, "each path must be a string", path, child,
				"write the path in double quotes: \"/srv/data\"");
			continue;
		}
		r = policy_add_path(reader->problems, child->at, reader->policy, field,
			json_string_value(path), json_string_length(path));
		/* One problem for a list that is too long, not one for each entry past its end. */
		if (r == -E2BIG || r == -ENOMEM)
			return r;
	}
	return 0;
}

static void read_endpoints(struct reader *reader, const json_t *list, const struct node *node)
{
	const struct node *child = first_child(reader, node);

	if (!json_is_array(list)) {
		refuse_type(reader, "net", "Allowlist must be an array of \"host:port\"", list,
			node, "write an array such as [\"api.example.com:443\"]");
		return;
	}
	for (size_t i = 0; child; i++, child = next_child(reader, child)) {
		const json_t *endpoint = json_array_get(list, i);
		int r;

		if (!json_is_string(endpoint)) {
			refuse_type(reader, "net", "each endpoint must be a string", endpoint,
				child, "write \"host:port\", for example \"api.example.com:443\"");
			continue;
		}
		r = policy_add_endpoint(reader->problems, child->at, reader->policy,
			json_string_value(endpoint), json_string_length(endpoint));
		if (r == -E2BIG || r == -ENOMEM)
			return;
	}
}

static const char *const net_names[] = {"Deny", "Allowlist", "ProxyEgress"};

/* The form of a variant, by its place in net_names. */
static const char *net_remedy(int found)
{
	static const char *const forms[] = {
		"write \"Deny\"",
		"write {\"Allowlist\": [\"host:port\"]}",
		"write \"ProxyEgress\"",
	};

	return found < 0 ? "write \"Deny\", {\"Allowlist\": [\"host:port\"]} or \"ProxyEgress\""
			 : forms[found];
}

static int refuse_net(const struct reader *reader, const json_t *value, const struct node *node,
	const char *remedy)
{
	return refuse_type(reader, "net",
		"must be \"Deny\", {\"Allowlist\": [...]} or \"ProxyEgress\"", value, node, remedy);
}

static int read_net_name(struct reader *reader, const json_t *value, const struct node *node)
{
	const char *name = json_string_value(value);
	size_t len = json_string_length(value);

	for (enum ks_net net = KS_NET_DENY; policy_net_name(net); net++) {
		if (net == KS_NET_ALLOWLIST || strlen(policy_net_name(net)) != len ||
			memcmp(policy_net_name(net), name, len) != 0)
			continue;
		reader->policy->net = net;
		return 0;
	}
	return refuse_net(reader, value, node, net_remedy(closest_choice(name, len, net_names, 3)));
}

/* {"Allowlist": [...]}; an empty list leaves the default, which is to deny. */
static int read_net_object(struct reader *reader, const json_t *value, const struct node *node)
{
	const struct node *child = first_child(reader, node);

	if (!child)
		return refuse_net(reader, value, node, "write \"Deny\" for no network");
	for (; child; child = next_child(reader, child)) {
		const char *key = json_string_value(child->key);
		size_t len = json_string_length(child->key);

		if (refuse_repeat(reader, "net", child) || child->repeated)
			continue;
		if (strcmp(key, "Allowlist") == 0)
			read_endpoints(reader, json_object_get(value, key), child);
		else
			problem_add(reader->problems, -EINVAL, child->key_at,
				ABOUT(.field = "net", .remedy = net_remedy(closest_choice(
							      key, len, net_names, 3))),
				"%s is not a key of it", quoted(key, len).text);
	}
	return 0;
}

int read_net(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	(void)field;
	if (json_is_string(value))
		return read_net_name(reader, value, node);
	if (json_is_object(value))
		return read_net_object(reader, value, node);
	if (json_is_array(value))
		return refuse_net(reader, value, node, net_remedy(KS_NET_ALLOWLIST));
	return refuse_net(reader, value, node, "write \"Deny\" for no network");
}

int read_number_of(struct reader *reader, const struct policy_field_info *info, const json_t *value,
	const struct node *node, uint64_t *ret)
{
	const char *text = reader->positions->text + node->at;
	size_t len = node->end - node->at;
	struct phrase shown = what_is(reader, value, node);

	if (json_is_null(value) && info->nullable) {
		*ret = KS_POLICY_UNSET;
		return 0;
	}
	if (json_is_number(value))
		return check_number_text(reader->problems, node->at, info, text, len, ret);
	if (json_is_string(value))
		return refuse_number(reader->problems, node->at, info, json_string_value(value),
			json_string_length(value), shown.text);
	return refuse_number(reader->problems, node->at, info, text, len, shown.text);
}

int read_number(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	return read_number_of(reader, policy_field_info(field), value, node,
		policy_number(reader->policy, field));
}

int read_profile(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	const char *names[] = {policy_profile_name(0), policy_profile_name(1)};
	const char *given = json_string_value(value);
	size_t len = json_string_length(value);
	struct phrase remedy = phrase("write \"%s\" or \"%s\"", names[0], names[1]);
	int meant;

	for (int i = 0; given && i < 2; i++) {
		if (strlen(names[i]) != len || memcmp(names[i], given, len) != 0)
			continue;
		reader->policy->profile = i;
		return 0;
	}
	meant = given ? closest_choice(given, len, names, 2) : -1;
	if (meant >= 0)
		remedy = phrase("write \"%s\"", names[meant]);
	return refuse_type(reader, policy_field_name(field),
		"must be \"WorkerStrict\" or \"WorkerNetClient\"", value, node, remedy.text);
}

/* One variable; the offsets are those of its name and its value. */
static int read_variable(struct reader *reader, const char *name, size_t name_len, size_t name_at,
	const json_t *value, const struct node *value_node)
{
	int r = check_env_name(reader->problems, name_at, name, name_len);

	if (r == 0 && policy_find_env(reader->policy, name))
		r = problem_add(reader->problems, -EINVAL, name_at,
			ABOUT(.field = "env", .path = name,
				.remedy = "keep the one that is meant and remove the other"),
			"%s is given twice", quoted(name, name_len).text);
	if (!json_is_string(value))
		return problem_add(reader->problems, -EINVAL, value_node->at,
			ABOUT(.field = "env", .remedy = "write the value in double quotes"),
			"the value of %s must be a string, got %s", quoted(name, name_len).text,
			what_is(reader, value, value_node).text);
	if (r < 0)
		return r;
	return policy_set_env(reader->problems, value_node->at, reader->policy, name,
		json_string_value(value), json_string_length(value));
}

static int read_env_object(struct reader *reader, const json_t *value, const struct node *node)
{
	const struct node *child = first_child(reader, node);

	for (; child; child = next_child(reader, child)) {
		const char *name = json_string_value(child->key);
		int r;

		if (refuse_repeat(reader, "env", child) || child->repeated)
			continue;
		r = read_variable(reader, name, json_string_length(child->key), child->key_at,
			json_object_get(value, name), child);
		if (r == -E2BIG || r == -ENOMEM)
			return r;
	}
	return 0;
}

#define PAIR "write each variable as [\"NAME\", \"value\"]"

static int read_env_pair(struct reader *reader, const json_t *pair, const struct node *node)
{
	const json_t *name = json_array_get(pair, 0);
	const struct node *name_node, *value_node;

	if (!json_is_array(pair))
		return refuse_type(
			reader, "env", "each variable must be a pair of strings", pair, node, PAIR);
	if (node->count != 2)
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = "env", .remedy = PAIR),
			"each variable must be a pair of strings, got an array of %zu",
			node->count);
	name_node = first_child(reader, node);
	value_node = next_child(reader, name_node);
	if (!json_is_string(name))
		return refuse_type(
			reader, "env", "each name must be a string", name, name_node, PAIR);
	return read_variable(reader, json_string_value(name), json_string_length(name),
		name_node->at, json_array_get(pair, 1), value_node);
}

int read_env(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	const struct node *child = first_child(reader, node);

	if (json_is_object(value))
		return read_env_object(reader, value, node);
	if (!json_is_array(value))
		return refuse_type(reader, policy_field_name(field),
			"must be an array of [name, value] or an object", value, node,
			"write [[\"LANG\", \"C.UTF-8\"]], or [] for an empty environment");
	for (size_t i = 0; child; i++, child = next_child(reader, child)) {
		int r = read_env_pair(reader, json_array_get(value, i), child);

		if (r == -E2BIG || r == -ENOMEM)
			return r;
	}
	return 0;
}
