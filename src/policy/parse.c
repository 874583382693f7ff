/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/bounds.h"
#include "policy/check.h"
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

int policy_read(struct reader *reader, const json_t *value, const struct node *node)
{
	if (!json_is_object(value))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.remedy = "write { before and } behind the policy's fields"),
			"a policy is a JSON object, got %s", what_is(reader, value, node).text);
	for (node = first_child(reader, node); node; node = next_child(reader, node))
		read_member(reader, json_object_get(value, json_string_value(node->key)), node);
	return 0;
}

static int read_root(struct reader *reader, const json_t *root)
{
	return policy_read(reader, root, &reader->positions->nodes[0]);
}

/* A number that not even a double holds, such as 1e999, stops jansson; the field says more. */
static bool refuse_huge_number(struct problems *problems, const struct positions *positions)
{
	const struct node *nodes = positions->nodes;

	for (size_t i = nodes[0].first; i != NO_NODE; i = nodes[i].next) {
		const char *text = positions->text + nodes[i].at;
		size_t len = nodes[i].end - nodes[i].at;
		int field = nodes[i].key ? policy_field_from_name(json_string_value(nodes[i].key),
						   json_string_length(nodes[i].key))
					 : -1;
		uint64_t value;

		if (field >= 0 && policy_field_info(field)->unit && strchr("-0123456789", *text) &&
			check_number_text(problems, nodes[i].at, field, text, len, &value) < 0)
			return true;
	}
	return false;
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
