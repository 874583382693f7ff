/* SPDX-License-Identifier: Apache-2.0 */
/* One function a kind of key, named by the table in tools_keys.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "workers/tools.h"

int refuse_value(const struct reader *reader, const char *field, const char *wanted,
	const json_t *value, const struct node *node, const char *remedy)
{
	return problem_add(reader->problems, -EINVAL, node->at,
		ABOUT(.field = field, .remedy = remedy), "%s, got %s", wanted,
		what_is(reader, value, node).text);
}

/* Words of other tools' configurations for a key. */
static const char *alias_of(const char *key, size_t len)
{
	static const char *const aliases[][2] = {
		{"command", "program"},
		{"args", "arguments"},
		{"cwd", "working_directory"},
		{"backend", "sandbox_backend"},
		{"image", "container_image"},
		{"timeout", "wall_ms"},
		{"timeout_ms", "wall_ms"},
		{"sandbox", "policy"},
	};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i][0]) == len && memcmp(aliases[i][0], key, len) == 0)
			return aliases[i][1];
	return NULL;
}

static struct phrase advise_key(const struct tool_keys *keys, const char *key, size_t len)
{
	const char *alias = keys == &tool_keys ? alias_of(key, len) : NULL;
	const char *names[16];
	struct phrase list = phrase("remove it; the keys are %s", keys->rows[0].name);
	int found;

	for (size_t i = 0; i < keys->len; i++) {
		names[i] = keys->rows[i].name;
		if (i > 0)
			list = phrase("%s, %s", list.text, names[i]);
	}
	found = closest_choice(key, len, names, keys->len);
	if (alias || found >= 0)
		return phrase("did you mean \"%s\"?", alias ? alias : names[found]);
	return list;
}

static void read_key(struct reader *reader, const struct tool_keys *keys, struct tool *tool,
	const json_t *object, const struct node *node)
{
	const char *name = json_string_value(node->key);
	size_t len = json_string_length(node->key);
	int found = tool_key_find(keys, name, len);

	if (found < 0) {
		problem_add(reader->problems, -EINVAL, node->key_at,
			ABOUT(.field = len ? as_written(name, len).text : "\"\"",
				.remedy = advise_key(keys, name, len).text),
			"is not a key of %s", keys->of);
		return;
	}
	if (refuse_repeat(reader, name, node) || node->repeated)
		return;
	keys->rows[found].read(
		reader, &keys->rows[found], tool, json_object_get(object, name), node);
}

void read_keys(struct reader *reader, const struct tool_keys *keys, struct tool *tool,
	const json_t *value, const struct node *node)
{
	for (const struct node *child = first_child(reader, node); child;
		child = next_child(reader, child))
		read_key(reader, keys, tool, value, child);
	for (size_t i = 0; i < keys->len; i++) {
		const struct tool_key *key = &keys->rows[i];

		if (!key->default_text && !json_object_get(value, key->name))
			problem_add(reader->problems, -EINVAL, node->at,
				ABOUT(.field = key->name, .remedy = phrase("write \"%s\": %s",
								  key->name, key->example)
									    .text),
				"is missing");
	}
}

/* A string without NUL and without control characters, of at least one and at most max bytes. */
static int check_string(const struct reader *reader, const char *field, const json_t *value,
	const struct node *node, size_t max, const char *remedy)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (!text)
		return refuse_value(reader, field, "must be a string", value, node, remedy);
	if (!len)
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = field, .remedy = remedy), "is empty");
	if (len > max)
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = field, .remedy = remedy), "is longer than %zu bytes", max);
	if (utf8_find_control(text, len) < len)
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = field, .remedy = "remove the control character"),
			"%s holds a control character", quoted(text, len).text);
	return 0;
}

/* Keeps a string that was checked. */
static int keep_text(const struct reader *reader, const json_t *value, char **slot)
{
	*slot = strdup(json_string_value(value));
	return *slot ? 0 : problem_oom(reader->problems);
}

static int keep_argument(
	const struct reader *reader, struct tool *tool, const char *text, size_t index)
{
	char *copy;

	/* The program has the first place, in whichever order the text names the two. */
	if (index < tool->argv.len) {
		copy = strdup(text);
		if (!copy)
			return problem_oom(reader->problems);
		free(tool->argv.items[index]);
		tool->argv.items[index] = copy;
		return 0;
	}
	return strv_add(&tool->argv, text) < 0 ? problem_oom(reader->problems) : 0;
}

int read_program(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *remedy = "write an absolute path, or a name such as \"node\"";
	const char *text = json_string_value(value);
	int r = check_string(reader, key->name, value, node, KS_MAX_PATH, remedy);

	if (r < 0)
		return r;
	if (*text != '/' && strchr(text, '/'))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = key->name, .remedy = remedy), "%s is a relative path",
			quoted(text, strlen(text)).text);
	return keep_argument(reader, tool, text, 0);
}

int read_arguments(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const struct node *child = first_child(reader, node);

	if (!json_is_array(value))
		return refuse_value(reader, key->name, "must be an array of strings", value, node,
			"write an array such as [\"--stdio\"], or [] for none");
	if (node->count > key->maximum)
		return problem_add(reader->problems, -E2BIG, node->at,
			ABOUT(.field = key->name, .remedy = "write fewer"),
			"has more than %llu entries", (unsigned long long)key->maximum);
	for (size_t i = 0; child; i++, child = next_child(reader, child)) {
		const json_t *argument = json_array_get(value, i);
		const char *text = json_string_value(argument);

		if (!text)
			refuse_value(reader, key->name, "each argument must be a string", argument,
				child, "write it in double quotes");
		else if (strlen(text) != json_string_length(argument))
			problem_add(reader->problems, -EINVAL, child->at,
				ABOUT(.field = key->name, .remedy = "remove \\u0000"),
				"no argument can hold a NUL");
		else if (keep_argument(reader, tool, text, i + 1) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (!at[3] || at[3] == '/')
			return true;
	return false;
}

int read_directory(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *remedy = "write an absolute path without \"..\", or null for \"/\"";
	const char *text = json_string_value(value);
	int r;

	if (json_is_null(value))
		return 0;
	r = check_string(reader, key->name, value, node, KS_MAX_PATH, remedy);
	if (r < 0)
		return r;
	if (*text != '/' || climbs(text))
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = key->name, .remedy = remedy), "%s is %s",
			quoted(text, strlen(text)).text,
			*text == '/' ? "a path with \"..\"" : "not absolute");
	return keep_text(reader, value, &tool->cwd);
}

/* "Bwrap, Native, ...": the kinds of this operating system. */
static struct phrase backend_list(void)
{
	struct phrase list = {""};
	enum ks_backend_kind kind;
	const char *name;

	for (size_t i = 0; (name = tool_backend_name(i, &kind)); i++)
		if (kind != KS_BACKEND_NONE)
			list = phrase("%s%s\"%s\"", list.text, *list.text ? ", " : "", name);
	return list;
}

int read_backend(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *text = json_string_value(value);
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	struct phrase here = backend_list();
	struct phrase remedy = phrase("write null, or one of %s", here.text);
	const char *names[16];
	const char *name;
	size_t n = 0;
	int meant;

	if (json_is_null(value))
		return 0;
	if (!text)
		return refuse_value(reader, key->name, "must be a kind of backend or null", value,
			node, remedy.text);
	for (; (name = tool_backend_name(n, &kind)); n++) {
		names[n] = name;
		if (strcmp(name, text) != 0)
			continue;
		tool->backend = kind;
		if (kind != KS_BACKEND_NONE)
			return 0;
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = key->name, .remedy = remedy.text),
			"\"%s\" is a kind of another operating system", name);
	}
	meant = closest_choice(text, json_string_length(value), names, n);
	if (meant >= 0)
		remedy = phrase("did you mean \"%s\"?", names[meant]);
	return problem_add(reader->problems, -EINVAL, node->at,
		ABOUT(.field = key->name, .remedy = remedy.text), "%s is no kind of backend",
		quoted(text, json_string_length(value)).text);
}

int read_image(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	static const char charset[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@-";
	const char *remedy = "write a name such as \"alpine:3.20\", or null";
	const char *text = json_string_value(value);
	int r;

	if (json_is_null(value))
		return 0;
	r = check_string(reader, key->name, value, node, key->maximum, remedy);
	if (r < 0)
		return r;
	if (text[strspn(text, charset)] || *text == '-')
		return problem_add(reader->problems, -EINVAL, node->at,
			ABOUT(.field = key->name, .remedy = remedy), "%s is no name of an image",
			quoted(text, strlen(text)).text);
	return keep_text(reader, value, &tool->image);
}

/* The word that stands where the name of a lifecycle should: the string, or the only key. */
static int refuse_lifecycle(struct reader *reader, const struct tool_key *key, const json_t *word,
	size_t at, const char *remedy)
{
	static const char *const names[] = {"SingleUse", "IdleTimeout"};
	static const char *const forms[] = {
		"did you mean \"SingleUse\"?", "did you mean {\"IdleTimeout\": {}}?"};
	const char *text = json_string_value(word);
	size_t len = json_string_length(word);
	int meant = closest_choice(text, len, names, 2);

	return problem_add(reader->problems, -EINVAL, at,
		ABOUT(.field = key->name, .remedy = meant >= 0 ? forms[meant] : remedy),
		"%s is no lifecycle", quoted(text, len).text);
}

int read_lifecycle(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *remedy = "write \"SingleUse\" or {\"IdleTimeout\": {\"idle_seconds\": 300}}";
	const json_t *idle = json_object_get(value, "IdleTimeout");
	const struct node *child = first_child(reader, node);

	tool->lifecycle = KS_LIFECYCLE_SINGLE_USE;
	if (json_is_string(value) && strcmp(json_string_value(value), "SingleUse") == 0)
		return 0;
	if (json_is_string(value))
		return refuse_lifecycle(reader, key, value, node->at, remedy);
	if (json_is_object(value) && !idle && node->count == 1)
		return refuse_lifecycle(reader, key, child->key, child->key_at, remedy);
	if (!idle || node->count != 1)
		return refuse_value(reader, key->name,
			"must be \"SingleUse\" or {\"IdleTimeout\": {...}}", value, node, remedy);
	if (!json_is_object(idle))
		return refuse_value(
			reader, key->name, "IdleTimeout must be an object", idle, child, remedy);
	tool->lifecycle = KS_LIFECYCLE_IDLE_TIMEOUT;
	read_keys(reader, &idle_keys, tool, idle, child);
	return 0;
}

/* Only a number in plain digits is whole beyond doubt. */
int read_count(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node)
{
	const char *text = reader->positions->text + node->at;
	size_t len = node->end - node->at;
	struct phrase remedy = phrase("write a number of %s from %llu to %llu", key->unit,
		(unsigned long long)key->minimum, (unsigned long long)key->maximum);
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || i >= 18)
			return refuse_value(reader, key->name, "must be a whole number in range",
				value, node, remedy.text);
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	if (number < key->minimum || number > key->maximum)
		return refuse_value(reader, key->name, "is out of range", value, node, remedy.text);
	*(uint64_t *)((char *)tool + key->offset) = number;
	return 0;
}
