/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "policy/store.h"

static void tool_done(struct tool *tool)
{
	free(tool->name);
	strv_done(&tool->argv);
	free(tool->cwd);
	ks_policy_free(tool->policy);
	free(tool->policy_file);
	free(tool->image);
}

struct ks_tools *tools_ref(const struct ks_tools *tools)
{
	struct ks_tools *counted = (struct ks_tools *)tools;

	atomic_fetch_add(&counted->references, 1);
	return counted;
}

void ks_tools_free(ks_tools *tools)
{
	if (!tools || atomic_fetch_sub(&tools->references, 1) != 1)
		return;
	for (size_t i = 0; i < tools->n_tools; i++)
		tool_done(&tools->tools[i]);
	free(tools->tools);
	free(tools);
}

DEFINE_CLEANUP(ks_tools *, ks_tools_free);

static void set_defaults(const struct tool_keys *keys, struct tool *tool)
{
	for (size_t i = 0; i < keys->len; i++)
		if (keys->rows[i].offset)
			*(uint64_t *)((char *)tool + keys->rows[i].offset) = strtoull(
				keys->rows[i].default_text, NULL, 10);
}

static bool good_name(const char *name, size_t len)
{
	static const char charset[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return len > 0 && len <= KS_MAX_TOOL_NAME && strspn(name, charset) == len && *name != '-';
}

/* What has to be there whatever the text says: the rest of the tool is read also beside problems.
 */
static int tool_begin(struct tool *tool, const char *name)
{
	set_defaults(&tool_keys, tool);
	set_defaults(&idle_keys, tool);
	tool->name = strdup(name);
	return tool->name ? strv_add(&tool->argv, "") : -ENOMEM;
}

static void read_tool(struct reader *reader, const json_t *object, const struct node *node)
{
	struct ks_tools *tools = reader->data;
	const char *name = json_string_value(node->key);
	size_t len = json_string_length(node->key);
	struct phrase within = phrase("tool %s: ", quoted(name, len).text);
	struct tool *tool = &tools->tools[tools->n_tools];

	if (!good_name(name, len)) {
		problem_add(reader->problems, -EINVAL, node->key_at,
			ABOUT(.field = "tools",
				.remedy = "name it with at most 64 letters, digits, \"_\" and "
					  "\"-\", and no \"-\" at the front"),
			"%s is no name of a tool", quoted(name, len).text);
		return;
	}
	if (refuse_repeat(reader, "tools", node) || node->repeated)
		return;
	if (!json_is_object(object)) {
		refuse_value(reader, "tools", "each tool must be an object", object, node,
			"write {\"program\": ..., \"policy\": ...}");
		return;
	}
	tools->n_tools++;
	if (tool_begin(tool, name) < 0) {
		problem_oom(reader->problems);
		return;
	}
	reader->problems->within = within.text;
	read_keys(reader, &tool_keys, tool, object, node);
	reader->problems->within = NULL;
	if (!tool->policy && !json_object_get(object, "policy") && policy_new(&tool->policy) < 0)
		problem_oom(reader->problems);
}

static int read_list(struct reader *reader, const json_t *list, const struct node *node)
{
	struct ks_tools *tools = reader->data;
	const struct node *child = first_child(reader, node);

	if (!json_is_object(list))
		return refuse_value(reader, "tools", "must be an object", list, node,
			"write {\"NAME\": {\"program\": ...}}");
	if (node->count > KS_MAX_TOOLS)
		return problem_add(reader->problems, -E2BIG, node->at,
			ABOUT(.field = "tools", .remedy = "divide them among several files"),
			"has more than %d entries", KS_MAX_TOOLS);
	tools->tools = calloc(node->count + 1, sizeof(*tools->tools));
	if (!tools->tools)
		return problem_oom(reader->problems);
	for (; child; child = next_child(reader, child))
		read_tool(reader, json_object_get(list, json_string_value(child->key)), child);
	return 0;
}

static void read_member(struct reader *reader, const json_t *root, const struct node *node)
{
	const char *key = json_string_value(node->key);
	size_t len = json_string_length(node->key);

	if (strcmp(key, "tools") != 0 && strcmp(key, "$schema") != 0)
		problem_add(reader->problems, -EINVAL, node->key_at,
			ABOUT(.field = len ? as_written(key, len).text : "\"\"",
				.remedy = "remove it; the keys are $schema and tools"),
			"is not a key of a manifest");
	else if (refuse_repeat(reader, key, node) || node->repeated)
		return;
	else if (*key == '$')
		read_schema_name(reader, json_object_get(root, key), node);
	else
		read_list(reader, json_object_get(root, key), node);
}

static int read_manifest(struct reader *reader, const json_t *root)
{
	const struct node *node = &reader->positions->nodes[0];

	if (!json_is_object(root) || !json_object_get(root, "tools"))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = "tools",
				.remedy = "write {\"tools\": {\"NAME\": {\"program\": ...}}}"),
			"a manifest is a JSON object with \"tools\"%s%s",
			json_is_object(root) ? "" : ", got ",
			json_is_object(root) ? "" : what_is(reader, root, node).text);
	for (node = first_child(reader, node); node; node = next_child(reader, node))
		read_member(reader, root, node);
	return 0;
}

int ks_tools_parse(
	const char *text, size_t len, const char *name, ks_tools **ret_tools, ks_error **reterr)
{
	static const struct document document = {
		.noun = "manifest of tools",
		.if_empty = "write {\"tools\": {\"NAME\": {\"program\": ...}}}",
		.if_large = "put the policies in files of their own, and name these",
		.read = read_manifest,
	};
	struct problems problems = {.name = name, .text = text, .len = len};
	autoclean(ks_tools_free) ks_tools *tools = calloc(1, sizeof(*tools));
	struct reader reader = {.problems = &problems, .data = tools};

	if (!tools) {
		problem_oom(&problems);
		return problems_finish(&problems, reterr);
	}
	tools->references = 1;
	document_parse(&reader, &document, text, len);
	if (!problems.code)
		*ret_tools = take_ptr(tools);
	return problems_finish(&problems, reterr);
}

const struct tool *tools_find(const struct ks_tools *tools, const char *name)
{
	for (size_t i = 0; i < tools->n_tools; i++)
		if (strcmp(tools->tools[i].name, name) == 0)
			return &tools->tools[i];
	return NULL;
}

static int tool_out(const struct tool *tool, struct ks_tool *ret_tool)
{
	struct ks_tool full = {.size = ret_tool->size,
		.name = tool->name,
		.argv = (const char *const *)tool->argv.items,
		.cwd = tool->cwd,
		.policy = tool->policy,
		.image = tool->image,
		.backend = tool->backend,
		.lifecycle = tool->lifecycle,
		.idle_seconds = tool->idle_seconds,
		.max_requests = tool->max_requests,
		.max_age_seconds = tool->max_age_seconds,
		.instances = tool->instances,
		.wall_ms = tool->wall_ms,
		.max_message_bytes = tool->max_message_bytes,
		.policy_file = tool->policy_file};

	memcpy(ret_tool, &full, full.size < sizeof(full) ? full.size : sizeof(full));
	return 0;
}

int ks_tools_get(const ks_tools *tools, size_t index, struct ks_tool *ret_tool)
{
	return index < tools->n_tools ? tool_out(&tools->tools[index], ret_tool) : -ENOENT;
}

int ks_tools_find(const ks_tools *tools, const char *name, struct ks_tool *ret_tool)
{
	const struct tool *tool = tools_find(tools, name);

	return tool ? tool_out(tool, ret_tool) : -ENOENT;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_arguments(const struct tool *a, const struct tool *b)
{
	if (a->argv.len != b->argv.len)
		return false;
	for (size_t i = 0; i < a->argv.len; i++)
		if (strcmp(a->argv.items[i], b->argv.items[i]) != 0)
			return false;
	return true;
}

static bool same_numbers(const struct tool *a, const struct tool *b)
{
	return a->idle_seconds == b->idle_seconds && a->max_requests == b->max_requests &&
	       a->max_age_seconds == b->max_age_seconds && a->instances == b->instances &&
	       a->wall_ms == b->wall_ms && a->max_message_bytes == b->max_message_bytes;
}

int tool_same(const struct tool *a, const struct tool *b)
{
	autofree char *policy = NULL, *other = NULL;

	if (ks_policy_write(a->policy, &policy) < 0 || ks_policy_write(b->policy, &other) < 0)
		return -ENOMEM;
	return strcmp(policy, other) == 0 && strcmp(a->name, b->name) == 0 &&
	       same_arguments(a, b) && same_text(a->cwd, b->cwd) && same_text(a->image, b->image) &&
	       a->backend == b->backend && a->lifecycle == b->lifecycle && same_numbers(a, b);
}
