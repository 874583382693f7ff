/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/errors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "mcp/diagnosis.h"
#include "mcp/reply.h"

struct noted_error {
	struct noted_error *next;
	char *tool;
	char *text; /* JSON: its message, and the data that the call's error has */
	uint64_t at;
};

static void noted_free(struct noted_error *noted)
{
	if (!noted)
		return;
	free(noted->tool);
	free(noted->text);
	free(noted);
}

/* As JSON, with the grant that would have been enough under the tool's policy. */
static char *describe(struct daemon *daemon, const char *name, const ks_error *error)
{
	struct ks_tool tool = {.size = sizeof(tool)};
	ks_tools *tools = daemon_tools(daemon);
	autofree char *paths = NULL;
	json_t *json;
	char *text;

	if (ks_tools_find(tools, name, &tool) == 0)
		paths = diagnosis_command(tool.argv, tool.cwd, tool.policy);
	json = json_with(reply_data(error, tool.policy, paths), "message",
		json_text(ks_error_message(error)));
	text = json_write(json, JSON_COMPACT);
	json_decref(json);
	ks_tools_free(tools);
	return text;
}

static struct noted_error **find(struct daemon *daemon, const char *tool)
{
	struct noted_error **slot = &daemon->errors;

	while (*slot && strcmp((*slot)->tool, tool) != 0)
		slot = &(*slot)->next;
	return slot;
}

/* Where memory runs out, the last one stays. */
void errors_note(void *data, const char *tool, const ks_error *error)
{
	struct daemon *daemon = data;
	struct noted_error *fresh = calloc(1, sizeof(*fresh)), *old = NULL;
	struct noted_error **slot;

	if (fresh) {
		fresh->tool = strdup(tool);
		fresh->text = describe(daemon, tool, error);
		fresh->at = clock_now();
	}
	if (!fresh || !fresh->tool || !fresh->text) {
		noted_free(fresh);
		return;
	}
	pthread_mutex_lock(&daemon->lock);
	slot = find(daemon, tool);
	old = *slot;
	fresh->next = old ? old->next : NULL;
	*slot = fresh;
	pthread_mutex_unlock(&daemon->lock);
	noted_free(old);
}

static bool same_in(const ks_tools *before, const ks_tools *now, const char *name)
{
	const struct tool *old = tools_find(before, name);
	const struct tool *fresh = now ? tools_find(now, name) : NULL;

	return old && fresh && tool_same(old, fresh) > 0;
}

void errors_forget(struct daemon *daemon, const ks_tools *now)
{
	struct noted_error **slot = &daemon->errors;

	pthread_mutex_lock(&daemon->lock);
	while (*slot) {
		struct noted_error *noted = *slot;

		if (same_in(daemon->tools, now, noted->tool)) {
			slot = &noted->next;
			continue;
		}
		*slot = noted->next;
		noted_free(noted);
	}
	pthread_mutex_unlock(&daemon->lock);
}

/* With the lock held. */
static json_t *last_error(struct daemon *daemon, const char *tool)
{
	const struct noted_error *noted = *find(daemon, tool);
	json_t *json;

	if (!noted)
		return json_null();
	json = json_loads(noted->text, 0, NULL);
	return json_with(json, "ago_ms", json_integer((json_int_t)(clock_now() - noted->at)));
}

int errors_status(struct daemon *daemon, char **ret_text)
{
	autofree char *status = NULL;
	json_t *json, *tools, *tool;
	const char *name;
	bool whole;

	if (ks_workers_json(daemon->workers, &status) < 0)
		return -ENOMEM;
	json = json_loads(status, 0, NULL);
	tools = json_object_get(json, "tools");
	whole = tools != NULL;
	pthread_mutex_lock(&daemon->lock);
	json_object_foreach(tools, name, tool)
		whole &= json_object_set_new(tool, "last_error", last_error(daemon, name)) == 0;
	pthread_mutex_unlock(&daemon->lock);
	*ret_text = whole ? json_write(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return *ret_text ? 0 : -ENOMEM;
}
