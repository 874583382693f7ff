/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the egress proxy: an object of a table of its own. */
#include <errno.h>
#include <string.h>

#include "policy/egress.h"
#include "policy/parse.h"
#include "policy/say.h"

static const char *sni_remedy(const json_t *value)
{
	const char *names[] = {policy_sni_name(KS_SNI_MATCH), policy_sni_name(KS_SNI_OFF)};
	const char *given = json_string_value(value);
	int meant = given ? closest_choice(given, json_string_length(value), names, 2) : -1;

	if (json_is_true(value) || meant == KS_SNI_MATCH)
		return "write \"match\"";
	if (json_is_false(value) || meant == KS_SNI_OFF)
		return "write \"off\"";
	return "write \"match\" or \"off\"";
}

static int read_sni(struct reader *reader, const json_t *value, const struct node *node)
{
	const char *given = json_string_value(value);

	for (enum ks_sni sni = KS_SNI_MATCH; given && policy_sni_name(sni); sni++) {
		const char *name = policy_sni_name(sni);

		if (strlen(name) != json_string_length(value) ||
			memcmp(name, given, strlen(name)) != 0)
			continue;
		reader->policy->egress.sni = sni;
		return 0;
	}
	return refuse_type(reader, policy_egress_info(SETTING_SNI)->name,
		"must be \"match\" or \"off\"", value, node, sni_remedy(value));
}

static int refuse_setting(struct reader *reader, const struct node *node)
{
	const char *key = json_string_value(node->key);
	size_t len = json_string_length(node->key);
	const char *keys[SETTING_COUNT];
	struct phrase remedy;
	int meant;

	for (int i = 0; i < SETTING_COUNT; i++)
		keys[i] = policy_egress_key(i);
	meant = closest_choice(key, len, keys, SETTING_COUNT);
	remedy = meant < 0 ? phrase("remove it; the keys are %s", policy_egress_list().text)
			   : phrase("did you mean \"%s\"?", keys[meant]);
	return problem_add(reader->problems, -EINVAL, node->key_at,
		ABOUT(.field = policy_field_name(FIELD_EGRESS), .remedy = remedy.text),
		"%s is not a key of it", quoted(key, len).text);
}

static void read_setting(struct reader *reader, const json_t *value, const struct node *node)
{
	const char *key = json_string_value(node->key);
	int setting = policy_egress_from_key(key, json_string_length(node->key));

	if (setting < 0)
		refuse_setting(reader, node);
	else if (setting == SETTING_SNI)
		read_sni(reader, value, node);
	else
		read_number_of(reader, policy_egress_info(setting), value, node,
			policy_egress_number(&reader->policy->egress, setting));
}

int read_egress(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node)
{
	const char *name = policy_field_name(field);
	const struct node *child = first_child(reader, node);

	if (!json_is_object(value))
		return refuse_type(reader, name, "must be an object of settings", value, node,
			"write an object such as {\"connections\": 16}, or remove egress for the "
			"defaults");
	for (; child; child = next_child(reader, child)) {
		if (refuse_repeat(reader, name, child) || child->repeated)
			continue;
		read_setting(reader, json_object_get(value, json_string_value(child->key)), child);
	}
	return 0;
}

int check_egress_used(struct reader *reader, const struct node *node)
{
	const struct ks_policy *policy = reader->policy;
	enum ks_net net = policy->net == KS_NET_PROXY_EGRESS ? KS_NET_PROXY_EGRESS : KS_NET_DENY;

	if (policy_egress_used(policy))
		return 0;
	return problem_add(reader->problems, -EINVAL, node->key_at,
		ABOUT(.field = policy_field_name(FIELD_EGRESS),
			.remedy = "remove egress, or list endpoints in net: {\"Allowlist\": "
				  "[\"host:port\"]}"),
		"is for an Allowlist, and net is %s", policy_net_name(net));
}
