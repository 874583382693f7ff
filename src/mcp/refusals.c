/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/refusals.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "mcp/grants.h"

#define TASKS_DEFAULT 64

static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

/* The row of that destination, or the one that gives way to it. */
static struct refused_destination *find(
	struct refusals *refusals, const char *host, unsigned port, const char *reason)
{
	struct refused_destination *rows = refusals->destinations, *oldest = rows;

	for (size_t i = 0; i < refusals->n_destinations; i++) {
		if (rows[i].port == port && strcmp(rows[i].host, host) == 0 &&
			strcmp(rows[i].reason, reason) == 0)
			return &rows[i];
		if (rows[i].last < oldest->last)
			oldest = &rows[i];
	}
	if (refusals->n_destinations < REFUSALS_DESTINATIONS)
		oldest = &rows[refusals->n_destinations++];
	*oldest = (struct refused_destination){.port = port};
	snprintf(oldest->host, sizeof(oldest->host), "%s", host);
	snprintf(oldest->reason, sizeof(oldest->reason), "%s", reason);
	return oldest;
}

void refusals_line(struct refusals *refusals, const char *line, size_t len)
{
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *host = text_of(json, "host"), *entry = text_of(json, "entry");
	struct refused_destination *row;

	refusals->lines++;
	if (!*host)
		host = text_of(json, "dst");
	if (*host && strcmp(text_of(json, "verdict"), "deny") == 0) {
		row = find(refusals, host,
			(unsigned)json_integer_value(json_object_get(json, "port")),
			text_of(json, "reason"));
		row->times++;
		row->last = refusals->lines;
		if (strlen(entry) < sizeof(row->entry))
			memcpy(row->entry, entry, strlen(entry) + 1);
	}
	json_decref(json);
}

void refusals_forget(struct refusals *refusals)
{
	*refusals = (struct refusals){0};
}

static json_t *count_to_json(const char *kind, uint64_t times, json_t *grant)
{
	json_t *json = json_with(json_object(), "kind", json_string(kind));

	json = json_with(json, "times", json_integer((json_int_t)times));
	return json_with(json, "grant", grant);
}

static json_t *tasks_to_json(const ks_policy *policy, uint64_t times)
{
	uint64_t had = policy ? ks_policy_tasks_max(policy) : KS_POLICY_UNSET;

	had = had == KS_POLICY_UNSET ? TASKS_DEFAULT : had;
	return count_to_json("tasks", times, grant_number("tasks_max", had * 2));
}

json_t *refusals_tell(
	struct refusals *refusals, json_t *array, const ks_policy *policy, uint64_t lines)
{
	for (size_t i = 0; i < refusals->n_destinations; i++) {
		const struct refused_destination *row = &refusals->destinations[i];

		if (row->last > lines)
			array = json_and(array,
				refused_destination_to_json(policy, row->host, row->port,
					row->reason, row->times, *row->entry ? row->entry : NULL));
	}
	if (refusals->tasks > refusals->tasks_told)
		array = json_and(
			array, tasks_to_json(policy, refusals->tasks - refusals->tasks_told));
	if (refusals->calls > refusals->calls_told)
		array = json_and(array,
			json_with(count_to_json("call", refusals->calls - refusals->calls_told,
					  json_null()),
				"call", json_text_or_null(refusals->call)));
	refusals->tasks_told = refusals->tasks;
	refusals->calls_told = refusals->calls;
	return array;
}
