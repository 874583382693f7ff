/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a host as JSON: the writer walks the table of facts, as the reader does
 * (host_json_read.c). */
#include "resolve/host_json.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "resolve/host_facts.h"

static json_t *fact_to_json(const struct fact *fact, const void *base)
{
	const void *slot = (const char *)base + fact->offset;

	switch (fact->type) {
	case FACT_TEXT:
	case FACT_VERSION:
		return json_text_or_null(*(char *const *)slot);
	case FACT_BOOL:
		return json_boolean(*(const bool *)slot);
	case FACT_U32:
		return json_integer(*(const uint32_t *)slot);
	case FACT_INT:
		return json_integer(*(const int *)slot);
	case FACT_USERNS:
		return json_string(host_userns_cause_name(*(const enum host_userns_cause *)slot));
	case FACT_MANAGER:
		return json_string(
			host_cgroup_manager_name(*(const enum host_cgroup_manager *)slot));
	}
	return NULL;
}

static json_t *facts_to_json(json_t *object, const struct fact *facts, const void *base)
{
	for (; facts->name; facts++)
		object = json_with(object, facts->name, fact_to_json(facts, base));
	return object;
}

static json_t *path_to_json(const struct host_path *entry)
{
	json_t *json = json_with(json_object(), "path", json_text_or_null(entry->path));

	json = json_with(json, "kind", json_string(host_path_kind_name(entry->kind)));
	if (entry->kind == HOST_LINK)
		json = json_with(json, "target", json_text_or_null(entry->target));
	if (entry->closed)
		json = json_with(json, "owner", json_integer(entry->owner));
	return json;
}

json_t *host_to_json(const struct ks_host *host)
{
	json_t *json = facts_to_json(json_object(), host_facts, host);
	json_t *paths = json_array();

	for (size_t i = 0; i < n_fact_sections; i++) {
		const void *base = (const char *)host + fact_sections[i].offset;

		if (!fact_sections[i].os ||
			(host->os && strcmp(host->os, fact_sections[i].os) == 0))
			json = json_with(json, fact_sections[i].name,
				facts_to_json(json_object(), fact_sections[i].facts, base));
	}
	for (size_t i = 0; i < host->n_paths; i++)
		paths = json_and(paths, path_to_json(&host->paths[i]));
	return json_with(json, "paths", paths);
}

int host_write_json(const struct ks_host *host, char **ret_text)
{
	json_t *json = host_to_json(host);
	char *text = json_write(json, JSON_INDENT(2));

	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
