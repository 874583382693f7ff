/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/diagnosis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "mcp/grants.h"
#include "mcp/splice.h"

#define PATHS_MAX 4
#define PATH_BYTES 1024 /* of one that is looked at */
#define META "kastellan/denied"

/* A string of the text as it is written, between its quotes: the path that it is or that its file:
 * URL names, or NULL. One with escapes is none: it would have to be decoded first. */
static const char *path_in(const char *text, size_t *len)
{
	static const char scheme[] = "file://";
	const size_t front = sizeof(scheme) - 1;

	if (*len > front && memcmp(text, scheme, front) == 0) {
		text += front;
		*len -= front;
	}
	if (*len < 2 || *len > PATH_BYTES || *text != '/' || memchr(text, '\\', *len) ||
		memchr(text, '%', *len))
		return NULL;
	return text;
}

static bool goes_up(const char *path)
{
	return strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//") ||
	       (strlen(path) > 2 && strcmp(path + strlen(path) - 3, "/..") == 0);
}

/* Adds the path where the policy has not granted everything of it. */
static void note(struct strbuf *to, const ks_policy *policy, const char *text, size_t len)
{
	char path[PATH_BYTES + 1];
	enum path_granted granted;

	memcpy(path, text, len);
	path[len] = '\0';
	if (goes_up(path))
		return;
	granted = path_granted(policy, path);
	if (granted == PATH_GRANTED_NO || granted == PATH_GRANTED_READ)
		strbuf_addf(to, "%s\n", path);
}

char *diagnosis_paths(const struct message *request, const ks_policy *policy)
{
	autostrbuf struct strbuf paths;
	const char *at = request->text + request->params.at;
	const char *end = request->text + request->params.end;
	char *text = NULL;

	strbuf_init(&paths, KS_MAX_TEXT);
	for (unsigned n = 0;
		policy && n < PATHS_MAX && (at = memchr(at, '"', (size_t)(end - at)));) {
		const char *from = ++at, *path;
		size_t len, before = paths.len;

		while (at < end && *at != '"')
			at += *at == '\\' ? 2 : 1;
		if (at >= end)
			break;
		len = (size_t)(at++ - from);
		path = path_in(from, &len);
		if (path)
			note(&paths, policy, path, len);
		n += paths.len > before;
	}
	if (paths.len)
		strbuf_take(&paths, &text, NULL);
	return text;
}

static bool names_a_file(const char *text)
{
	size_t len = strlen(text);

	return path_in(text, &len) == text && access(text, F_OK) == 0;
}

static bool present(struct span span)
{
	return span.end > span.at;
}

bool diagnosis_failed(const struct message *answer)
{
	struct span flag;

	if (present(answer->error))
		return true;
	return present(answer->result) &&
	       message_member(answer, answer->result, "isError", &flag) > 0 &&
	       message_part_is(answer, flag, "true");
}

char *diagnosis_command(const char *const *argv, const char *cwd, const ks_policy *policy)
{
	autostrbuf struct strbuf paths;
	char *text = NULL;

	strbuf_init(&paths, KS_MAX_TEXT);
	if (policy && cwd && names_a_file(cwd))
		note(&paths, policy, cwd, strlen(cwd));
	for (; policy && *argv; argv++)
		if (names_a_file(*argv))
			note(&paths, policy, *argv, strlen(*argv));
	if (paths.len)
		strbuf_take(&paths, &text, NULL);
	return text;
}

static json_t *path_to_json(const ks_policy *policy, const char *path)
{
	bool readable = path_granted(policy, path) == PATH_GRANTED_READ;
	json_t *json = json_with(json_object(), "kind", json_string("path"));

	json = json_with(json, "path", json_text(path));
	json = json_with(json, "granted", readable ? json_string("read") : json_null());
	return json_with(json, "grant", grant_path(policy, path, readable));
}

json_t *diagnosis_tell_paths(
	json_t *array, const char *text, size_t len, const char *paths, const ks_policy *policy)
{
	const char *end;

	for (; text && paths && policy && (end = strchr(paths, '\n')); paths = end + 1) {
		char path[PATH_BYTES + 1];
		size_t size = (size_t)(end - paths);

		memcpy(path, paths, size);
		path[size] = '\0';
		if (memmem(text, len, path, size))
			array = json_and(array, path_to_json(policy, path));
	}
	return array;
}

/* Puts a member into an object of the message. */
static int put_member(struct strbuf *to, const struct message *message, struct span object,
	const char *key, const char *value)
{
	autostrbuf struct strbuf text;
	struct span known;
	struct edit edit = {{object.at + 1, object.at + 1}, NULL};
	size_t next = object.at + 1;
	int r = message_member(message, object, key, &known);

	strbuf_init(&text, KS_MAX_TEXT);
	if (r == -ENOMEM)
		return r;
	if (r != 0 || message->text[object.at] != '{') {
		splice_line(to, message, NULL, 0);
		return to->error;
	}
	while (strchr(" \t\r\n", message->text[next]))
		next++;
	strbuf_addf(&text, "\"%s\":", key);
	strbuf_puts(&text, value);
	if (message->text[next] != '}')
		strbuf_putc(&text, ',');
	if (text.error)
		return text.error;
	edit.text = text.data;
	splice_line(to, message, &edit, 1);
	return to->error;
}

/* In the object under a key of another one, which is made where it is missing. */
static int put_below(struct strbuf *to, const struct message *message, struct span object,
	const char *key, const char *inner, const char *value)
{
	autostrbuf struct strbuf text;
	struct span below;
	int r = message_member(message, object, key, &below);

	strbuf_init(&text, KS_MAX_TEXT);
	if (r == -ENOMEM)
		return r;
	if (r > 0)
		return put_member(to, message, below, inner, value);
	strbuf_addf(&text, "{\"%s\":", inner);
	strbuf_puts(&text, value);
	strbuf_putc(&text, '}');
	return text.error ? text.error : put_member(to, message, object, key, text.data);
}

int diagnosis_put(struct strbuf *to, const struct message *answer, const char *paths,
	const ks_policy *policy, struct refusals *refusals, uint64_t lines)
{
	json_t *array = refusals_tell(refusals, json_array(), policy, lines);
	autofree char *value = NULL;
	bool known;

	array = diagnosis_tell_paths(array, answer->text, answer->len, paths, policy);
	known = json_array_size(array) > 0;
	value = json_write(array, JSON_COMPACT);
	json_decref(array);
	if (!value)
		return -ENOMEM;
	if (!known) {
		splice_line(to, answer, NULL, 0);
		return to->error;
	}
	return present(answer->error)
		       ? put_below(to, answer, answer->error, "data", "denied", value)
		       : put_below(to, answer, answer->result, "_meta", META, value);
}
