/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of a tool: part of the manifest's text, or a file beside it. */
#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "policy/parse.h"
#include "policy/store.h"
#include "workers/tools.h"

/* The path that a relative one stands for, in room. */
static const char *beside(
	const char *manifest, const char *path, char *room, size_t size, bool *ret_fits)
{
	const char *slash = strrchr(manifest, '/');
	int directory = *path == '/' || !slash ? 0 : (int)(slash - manifest) + 1;
	int len = snprintf(room, size, "%.*s%s", directory, manifest, path);

	*ret_fits = len >= 0 && (size_t)len < size;
	return room;
}

/* Each problem of the file is one of the manifest, at the place that names the file. */
static void take_problems(
	struct reader *reader, const char *field, const ks_error *error, const struct node *node)
{
	for (; error; error = ks_error_next(error)) {
		const char *message = ks_error_message(error);
		const struct error_about about = {.field = field,
			.path = ks_error_path(error),
			.remedy = ks_error_remedy(error)};

		if (ks_error_line(error))
			problem_add(reader->problems, ks_error_code(error), node->at, &about,
				"%s:%u:%u: %s", ks_error_path(error), ks_error_line(error),
				ks_error_column(error), message);
		else
			problem_add(reader->problems, ks_error_code(error), node->at, &about, "%s",
				message);
	}
}

static int load_policy(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const char *path, const struct node *node)
{
	char room[KS_MAX_PATH + 1];
	ks_error *error = NULL;
	bool fits;
	int r;

	beside(reader->problems->name, path, room, sizeof(room), &fits);
	if (!fits)
		return problem_add(reader->problems, -ENAMETOOLONG, node->at,
			ABOUT(.field = key->name, .remedy = "use a shorter path"),
			"the path is too long");
	tool->policy_file = strdup(room);
	if (!tool->policy_file)
		return problem_oom(reader->problems);
	r = ks_policy_load(room, &tool->policy, &error);
	if (r < 0 && error)
		take_problems(reader, key->name, error, node);
	else if (r < 0)
		problem_oom(reader->problems);
	ks_error_free(error);
	return r;
}

static int read_inline(
	struct reader *reader, struct tool *tool, const json_t *value, const struct node *node)
{
	autoclean(policy_free) struct ks_policy *policy = NULL;
	struct reader inner = *reader;
	int r;

	if (policy_new(&policy) < 0)
		return problem_oom(reader->problems);
	inner.policy = policy;
	r = policy_read(&inner, value, node);
	tool->policy = take_ptr(policy);
	return r;
}

int read_tool_policy(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *remedy = "write a policy such as {\"fs_read\": [\"/srv/data\"]}, or the path "
			     "of a policy's file";
	const char *path = json_string_value(value);

	if (json_is_object(value))
		return read_inline(reader, tool, value, node);
	if (!path)
		return refuse_value(
			reader, key->name, "must be an object or a path", value, node, remedy);
	if (!*path || strlen(path) != json_string_length(value))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = key->name, .remedy = remedy), "%s is no path",
			quoted(path, json_string_length(value)).text);
	return load_policy(reader, key, tool, path, node);
}
