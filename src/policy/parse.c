/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/bounds.h"
#include "policy/check.h"
#include "policy/egress.h"
#include "policy/say.h"
#include "policy/store.h"
#include "policy/write.h"

/* Words that other tools use for a field. */
static const char *alias_of(const char *key, size_t len)
{
	static const char *const aliases[][2] = {
		{"read", "fs_read"},
		{"ro", "fs_read"},
		{"write", "fs_write"},
		{"rw", "fs_write"},
		{"network", "net"},
		{"allowlist", "net"},
		{"cpu", "cpu_ms"},
		{"memory", "mem_mb"},
		{"mem", "mem_mb"},
		{"memory_mb", "mem_mb"},
		{"cpu_quota", "cpu_quota_pct"},
		{"tasks", "tasks_max"},
		{"pids_max", "tasks_max"},
		{"max_tasks", "tasks_max"},
		{"environment", "env"},
		{"proxy", "egress"},
	};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i][0]) == len && strncasecmp(aliases[i][0], key, len) == 0)
			return aliases[i][1];
	return NULL;
}

static const char *field_meant(const char *key, size_t len)
{
	const char *names[FIELD_COUNT];
	const char *alias = alias_of(key, len);
	int found;

	if (alias)
		return alias;
	for (int i = 0; i < FIELD_COUNT; i++)
		names[i] = policy_field_name(i);
	found = closest_choice(key, len, names, FIELD_COUNT);
	return found < 0 ? NULL : names[found];
}

static int refuse_unknown(
	struct reader *reader, const char *key, size_t len, const struct node *node)
{
	const char *meant = field_meant(key, len);
	struct phrase remedy = meant ? phrase("did you mean \"%s\"?", meant)
				     : phrase("remove it; the keys are %s",
					       policy_field_list().text);

	return problem_add(reader->problems, -EINVAL, node->key_at,
		ABOUT(.field = len ? as_written(key, len).text : "\"\"", .remedy = remedy.text),
		"is not a key of a policy");
}

static void read_member(struct reader *reader, const json_t *value, const struct node *node)
{
	const char *key = json_string_value(node->key);
	size_t len = json_string_length(node->key);
	int field = policy_field_from_name(key, len);
	bool schema = len == 7 && memcmp(key, "$schema", 7) == 0;

	if (field < 0 && !schema) {
		refuse_unknown(reader, key, len, node);
		return;
	}
	if (refuse_repeat(reader, schema ? key : policy_field_name(field), node))
		return;
	/* jansson keeps the last of two values, so that this one's text is not what value is. */
	if (node->repeated)
		return;
	if (schema)
		read_schema_name(reader, value, node);
	else
		policy_field_row(field)->read(reader, field, value, node);
}

static bool is_egress(const struct node *node)
{
	return policy_field_from_name(
		       json_string_value(node->key), json_string_length(node->key)) == FIELD_EGRESS;
}

int policy_read(struct reader *reader, const json_t *value, const struct node *node)
{
	const struct node *egress = NULL;
	size_t before = reader->problems->count;

	if (!json_is_object(value))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.remedy = "write { before and } behind the policy's fields"),
			"a policy is a JSON object, got %s", what_is(reader, value, node).text);
	for (node = first_child(reader, node); node; node = next_child(reader, node)) {
		read_member(reader, json_object_get(value, json_string_value(node->key)), node);
		if (is_egress(node))
			egress = node;
	}
	if (egress && reader->problems->count == before)
		check_egress_used(reader, egress);
	return 0;
}

static int read_root(struct reader *reader, const json_t *root)
{
	return policy_read(reader, root, &reader->positions->nodes[0]);
}

/* What describes the number under that key, of the policy or of settings in it; or NULL. */
static const struct policy_field_info *number_at(const struct node *node, bool setting)
{
	const char *key = json_string_value(node->key);
	size_t len = json_string_length(node->key);
	int found = setting ? policy_egress_from_key(key, len) : policy_field_from_name(key, len);
	const struct policy_field_info *info = NULL;

	if (found >= 0)
		info = setting ? policy_egress_info(found) : policy_field_info(found);
	return info && info->unit ? info : NULL;
}

/* In an object's values from the first on, settings in one of the policy's own included. */
static bool refuse_huge_in(
	struct problems *problems, const struct positions *positions, size_t first, bool setting)
{
	const struct node *nodes = positions->nodes;

	for (size_t i = first; i != NO_NODE && nodes[i].key; i = nodes[i].next) {
		const struct policy_field_info *info = number_at(&nodes[i], setting);
		const char *text = positions->text + nodes[i].at;
		size_t len = nodes[i].end - nodes[i].at;
		uint64_t value;

		if (info && strchr("-0123456789", *text) &&
			check_number_text(problems, nodes[i].at, info, text, len, &value) < 0)
			return true;
		if (!setting && is_egress(&nodes[i]) &&
			refuse_huge_in(problems, positions, nodes[i].first, true))
			return true;
	}
	return false;
}

/* A number that not even a double holds, such as 1e999, stops jansson; the field says more. */
static bool refuse_huge_number(struct problems *problems, const struct positions *positions)
{
	return refuse_huge_in(problems, positions, positions->nodes[0].first, false);
}

/* What is written must be readable again: indentation may push a full text over the ceiling. */
static void check_written(struct problems *problems, const struct ks_policy *policy)
{
	char *text = NULL;

	if (policy_write(policy, &text) < 0)
		problem_oom(problems);
	else if (strlen(text) > KS_MAX_POLICY_BYTES)
		problem_add(problems, -E2BIG, NOWHERE,
			ABOUT(.remedy = "pass large values in a file instead"),
			"the policy is larger than 1 MiB in its canonical form");
	free(text);
}

int policy_parse(const char *text, size_t len, const char *name, struct ks_policy **ret_policy,
	ks_error **reterr)
{
	static const struct document document = {
		.noun = "policy",
		.if_empty = "write {} for a policy with every default",
		.if_large = "a policy has at most 3 levels and a few thousand values: remove what "
			    "is none of it",
		.read = read_root,
		.refuse_huge = refuse_huge_number,
	};
	struct problems problems = {.name = name, .text = text, .len = len};
	autoclean(policy_free) struct ks_policy *policy = NULL;
	struct reader reader = {.problems = &problems};

	if (policy_new(&policy) < 0) {
		problem_oom(&problems);
		return problems_finish(&problems, reterr);
	}
	reader.policy = policy;
	document_parse(&reader, &document, text, len);
	if (!problems.code)
		check_written(&problems, policy);
	if (!problems.code)
		*ret_policy = take_ptr(policy);
	return problems_finish(&problems, reterr);
}
