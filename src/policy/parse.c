/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "policy/check.h"
#include "policy/say.h"
#include "policy/store.h"
#include "policy/write.h"

static void cleanup_json(json_t **slot)
{
	json_decref(*slot);
}

const struct node *first_child(const struct reader *reader, const struct node *node)
{
	return node->first == NO_NODE ? NULL : &reader->positions->nodes[node->first];
}

const struct node *next_child(const struct reader *reader, const struct node *node)
{
	return node->next == NO_NODE ? NULL : &reader->positions->nodes[node->next];
}

struct phrase what_is(const struct reader *reader, const json_t *value, const struct node *node)
{
	if (json_is_object(value))
		return phrase("an object");
	if (json_is_array(value))
		return phrase("an array");
	return as_written(reader->positions->text + node->at, node->end - node->at);
}

bool refuse_repeat(struct reader *reader, const char *field, const struct node *node)
{
	const struct positions *positions = reader->positions;
	const char *key = json_string_value(node->key);
	struct phrase name = {""};
	unsigned line, column;

	if (node->earlier == NO_NODE)
		return false;
	if (strcmp(key, field) != 0)
		name = phrase("%s ", quoted(key, json_string_length(node->key)).text);
	position_of(positions->text, positions->len, positions->nodes[node->earlier].key_at, &line,
		&column);
	problem_add(reader->problems, -EINVAL, node->key_at,
		ABOUT(.field = field, .remedy = "keep the one that is meant and remove the other"),
		"%sis given twice, first at line %u, column %u", name.text, line, column);
	return true;
}

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

static int read_schema_name(struct reader *reader, const json_t *value, const struct node *node)
{
	if (json_is_string(value))
		return 0;
	return problem_add(reader->problems, -EINVAL, node->at,
		ABOUT(.field = "$schema",
			.remedy = "write the schema's address as a string, or remove it"),
		"must be a string, got %s", what_is(reader, value, node).text);
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

static int read_policy(struct reader *reader, const json_t *root)
{
	const struct node *node = &reader->positions->nodes[0];

	if (!json_is_object(root))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.remedy = "write { before and } behind the policy's fields"),
			"a policy is a JSON object, got %s", what_is(reader, root, node).text);
	for (node = first_child(reader, node); node; node = next_child(reader, node))
		read_member(reader, json_object_get(root, json_string_value(node->key)), node);
	/* Each repeated key lies where it or what holds it was refused; a gap in that reasoning
	 * must not let two readers of one text see two policies. */
	if (!reader->problems->code && reader->positions->repeats)
		return problem_add(reader->problems, -EINVAL, NOWHERE,
			ABOUT(.remedy = "give each key once"), "a key is given twice");
	return 0;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

/* What can be told before the text is taken for JSON. */
static int check_encoding(struct problems *problems, const char *text, size_t len)
{
	size_t valid;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return problem_add(problems, -EINVAL, 0,
			ABOUT(.remedy = "save the file as UTF-8 without a byte order mark"),
			"the text begins with a byte order mark");
	valid = utf8_prefix(text, len);
	if (valid < len)
		return problem_add(problems, -EINVAL, valid,
			ABOUT(.remedy = "save the file as UTF-8"), "the byte 0x%02x is not UTF-8",
			(unsigned char)text[valid]);
	if (is_blank(text, len))
		return problem_add(problems, -EINVAL, 0,
			ABOUT(.remedy = "write {} for a policy with every default"),
			"the text is empty");
	return 0;
}

static int refuse_syntax(struct problems *problems, const struct positions *positions)
{
	size_t stop = positions->stop, len = 0;
	const char *there = positions->text + stop;
	size_t left = positions->len - stop;

	/* One word or one sign is shown, not the rest of the file. */
	while (len < left && len < 24 && !strchr(" \t\r\n,:[]{}", there[len]))
		len++;
	if (len == 0 && left > 0)
		len = 1;
	len = utf8_prefix(there, len);
	return problem_add(problems, -EINVAL, stop, ABOUT(.remedy = positions->remedy),
		"not valid JSON: expected %s, found %s", positions->expected,
		left ? quoted(there, len).text : "the end of the text");
}

static int refuse_size(struct problems *problems, const struct positions *positions)
{
	return problem_add(problems, -E2BIG, positions->stop,
		ABOUT(.remedy = "a policy has at most 3 levels and a few thousand values: remove "
				"what is none of it"),
		"%s for a policy", positions->expected);
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

/* jansson refuses what the scan took. */
static int refuse_json(
	struct problems *problems, const struct positions *positions, const json_error_t *error)
{
	size_t at = error->position > 0 ? (size_t)error->position - 1 : 0;

	/* In most places jansson says nothing at all when memory runs out. */
	if (json_error_code(error) == json_error_out_of_memory || !*error->text)
		return problem_oom(problems);
	if (json_error_code(error) == json_error_numeric_overflow &&
		refuse_huge_number(problems, positions))
		return -EINVAL;
	/* A failed allocation inside a token makes it an invalid one to jansson. */
	return problem_add(problems, -EINVAL, at < problems->len ? at : NOWHERE,
		ABOUT(.remedy = "look at the text there; if it is sound, memory ran out: try "
				"again"),
		"the JSON library refuses the text: %s",
		as_written(error->text, strlen(error->text)).text);
}

/* A NUL in a key is the one thing that the scan can read and jansson cannot. */
static bool refuse_nul_keys(struct problems *problems, const struct positions *positions)
{
	for (size_t i = 0; i < positions->n_nodes; i++) {
		const struct node *node = &positions->nodes[i];

		if (!node->key ||
			strlen(json_string_value(node->key)) == json_string_length(node->key))
			continue;
		problem_add(problems, -EINVAL, node->key_at,
			ABOUT(.remedy = "remove \\u0000 from the key"), "the key %s holds a NUL",
			quoted(json_string_value(node->key), json_string_length(node->key)).text);
		return true;
	}
	return false;
}

static void parse_with(struct reader *reader)
{
	struct problems *problems = reader->problems;
	const struct positions *positions = reader->positions;
	/* Integers as reals: a number too large for 64 bits is an error of its field, not of the
	 * whole text. The digits are read from the text itself. */
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	__attribute__((cleanup(cleanup_json))) json_t *root = NULL;
	json_error_t error = {.line = -1};

	if (refuse_nul_keys(problems, positions))
		return;
	/* Repeated keys are reported below, with everything else. */
	if (!positions->repeats)
		flags |= JSON_REJECT_DUPLICATES;
	root = json_loadb(positions->text, positions->len, flags, &error);
	if (!root)
		refuse_json(problems, positions, &error);
	else if (!positions_agree(positions, root))
		problem_oom(problems);
	else
		read_policy(reader, root);
}

static void parse_text(
	struct problems *problems, struct ks_policy *policy, const char *text, size_t len)
{
	struct positions positions;
	struct reader reader = {problems, &positions, policy};
	int r = positions_scan(text, len, &positions);

	if (r == 0)
		parse_with(&reader);
	else if (r == -EINVAL)
		refuse_syntax(problems, &positions);
	else if (r == -E2BIG)
		refuse_size(problems, &positions);
	else
		problem_oom(problems);
	positions_done(&positions);
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
	struct problems problems = {.name = name, .text = text, .len = len};
	autoclean(policy_free) struct ks_policy *policy = NULL;

	if (policy_new(&policy) < 0) {
		problem_oom(&problems);
		return problems_finish(&problems, reterr);
	}
	if (len > KS_MAX_POLICY_BYTES)
		problem_add(&problems, -E2BIG, NOWHERE,
			ABOUT(.remedy = "check that this is the policy's file"),
			"%s is larger than 1 MiB", name);
	else if (check_encoding(&problems, text, len) == 0)
		parse_text(&problems, policy, text, len);
	if (!problems.code)
		check_written(&problems, policy);
	if (!problems.code)
		*ret_policy = take_ptr(policy);
	return problems_finish(&problems, reterr);
}
