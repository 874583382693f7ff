/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a host as JSON and back: reader and writer walk the table of facts. The reader takes
 * each fact as optional (a golden file holds what its test is about) and refuses names that it does
 * not know, so that a misspelled fact is not a silent default. */
#include "resolve/host_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "resolve/host_facts.h"

static const char *const kind_names[] = {
	[HOST_FILE] = "file",
	[HOST_DIRECTORY] = "directory",
	[HOST_LINK] = "link",
};

static json_t *fact_to_json(const struct fact *fact, const void *base)
{
	const void *slot = (const char *)base + fact->offset;

	switch (fact->type) {
	case FACT_TEXT:
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

	json = json_with(json, "kind", json_string(kind_names[entry->kind]));
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

static int bad_fact(ks_error **reterr, const char *name, const char *wanted)
{
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "host", .field = name,
			.remedy = "correct the file of host facts, or write it anew with "
				  "\"kastellan doctor --json\""),
		"%s: %s", name, wanted);
}

static int text_from_json(const json_t *value, char **slot)
{
	char *text = NULL;

	if (!json_is_null(value)) {
		if (!json_is_string(value))
			return -EINVAL;
		text = strdup(json_string_value(value));
		if (!text)
			return -ENOMEM;
	}
	free(*slot);
	*slot = text;
	return 0;
}

static int integer_from_json(
	const json_t *value, json_int_t low, json_int_t high, json_int_t *ret_number)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < low || number > high)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int name_from_json(const json_t *value, int (*from_name)(const char *), int *ret_index)
{
	int index = json_is_string(value) ? from_name(json_string_value(value)) : -EINVAL;

	if (index < 0)
		return index;
	*ret_index = index;
	return 0;
}

/* 0, -ENOMEM, or -EINVAL for a value of another type than the fact has. */
static int fact_from_json(const struct fact *fact, void *base, const json_t *value)
{
	void *slot = (char *)base + fact->offset;
	json_int_t number = 0;
	int index = 0;
	int r = 0;

	switch (fact->type) {
	case FACT_TEXT:
		return text_from_json(value, slot);
	case FACT_BOOL:
		if (!json_is_boolean(value))
			return -EINVAL;
		*(bool *)slot = json_is_true(value);
		return 0;
	case FACT_U32:
		r = integer_from_json(value, 0, UINT32_MAX, &number);
		if (r == 0)
			*(uint32_t *)slot = (uint32_t)number;
		return r;
	case FACT_INT:
		r = integer_from_json(value, INT32_MIN, INT32_MAX, &number);
		if (r == 0)
			*(int *)slot = (int)number;
		return r;
	case FACT_USERNS:
		r = name_from_json(value, host_userns_cause_from_name, &index);
		if (r == 0)
			*(enum host_userns_cause *)slot = (enum host_userns_cause)index;
		return r;
	case FACT_MANAGER:
		r = name_from_json(value, host_cgroup_manager_from_name, &index);
		if (r == 0)
			*(enum host_cgroup_manager *)slot = (enum host_cgroup_manager)index;
		return r;
	}
	return -EINVAL;
}

static int one_fact_from_json(const struct fact *facts, void *base, const char *name,
	const json_t *value, ks_error **reterr)
{
	for (; facts->name; facts++) {
		if (strcmp(facts->name, name) != 0)
			continue;
		int r = fact_from_json(facts, base, value);

		if (r == -ENOMEM)
			return error_oom(reterr);
		return r < 0 ? bad_fact(reterr, name, "the value is not one that this fact has")
			     : 0;
	}
	return bad_fact(reterr, name, "there is no fact of this name");
}

static int section_from_json(const struct fact *facts, void *base, const char *section_name,
	json_t *section, ks_error **reterr)
{
	const char *name;
	json_t *value;

	if (!json_is_object(section))
		return bad_fact(reterr, section_name, "an object is expected");
	json_object_foreach(section, name, value)
	{
		int r = one_fact_from_json(facts, base, name, value, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int kind_from_name(const char *name)
{
	for (int i = HOST_FILE; name && i <= HOST_LINK; i++)
		if (strcmp(kind_names[i], name) == 0)
			return i;
	return -EINVAL;
}

static int path_from_json(struct ks_host *host, json_t *object, ks_error **reterr)
{
	const char *path = json_string_value(json_object_get(object, "path"));
	const char *target = json_string_value(json_object_get(object, "target"));
	int kind = kind_from_name(json_string_value(json_object_get(object, "kind")));
	const json_t *owner = json_object_get(object, "owner");
	json_int_t number = 0;

	if (!path || path[0] != '/' || kind < 0 || (kind == HOST_LINK) != (target != NULL) ||
		(owner && integer_from_json(owner, 0, UINT32_MAX, &number) < 0))
		return bad_fact(reterr, "paths",
			"each entry has an absolute \"path\" and a \"kind\" (file, directory or "
			"link), a link has a \"target\", and one that is closed to all others has "
			"an \"owner\"");
	if (host_add_path(host, path, (enum host_path_kind)kind, target) < 0)
		return error_oom(reterr);
	if (owner)
		host_close_path(host, path, (uint32_t)number);
	return 0;
}

static int paths_from_json(struct ks_host *host, json_t *list, ks_error **reterr)
{
	size_t index;
	json_t *object;

	if (!json_is_array(list))
		return bad_fact(reterr, "paths", "a list is expected");
	json_array_foreach(list, index, object)
	{
		int r = path_from_json(host, object, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int part_from_json(struct ks_host *host, const char *name, json_t *value, ks_error **reterr)
{
	for (size_t i = 0; i < n_fact_sections; i++)
		if (strcmp(fact_sections[i].name, name) == 0)
			return section_from_json(fact_sections[i].facts,
				(char *)host + fact_sections[i].offset, name, value, reterr);
	if (strcmp(name, "paths") == 0)
		return paths_from_json(host, value, reterr);
	return one_fact_from_json(host_facts, host, name, value, reterr);
}

int host_from_json(json_t *object, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host;
	const char *name;
	json_t *value;
	int r = 0;

	if (!json_is_object(object))
		return bad_fact(reterr, "host", "an object is expected");
	host = host_new();
	if (!host)
		return error_oom(reterr);
	json_object_foreach(object, name, value)
	{
		r = part_from_json(host, name, value, reterr);
		if (r < 0) {
			host_free(host);
			return r;
		}
	}
	*ret_host = host;
	return 0;
}

static int read_host(
	const char *text, size_t len, bool described, struct ks_host **ret_host, ks_error **reterr)
{
	json_error_t problem;
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
	json_t *part = described ? json_object_get(object, "host") : NULL;
	int r;

	if (!object)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "host", .line = (unsigned)problem.line,
				.column = (unsigned)problem.column,
				.remedy = "correct the text, or write it anew with "
					  "\"kastellan doctor --json\""),
			"host facts: %s", problem.text);
	r = host_from_json(part ? part : object, ret_host, reterr);
	json_decref(object);
	return r;
}

int host_read_json(const char *text, size_t len, struct ks_host **ret_host, ks_error **reterr)
{
	return read_host(text, len, false, ret_host, reterr);
}

int host_read_described(const char *text, size_t len, struct ks_host **ret_host, ks_error **reterr)
{
	return read_host(text, len, true, ret_host, reterr);
}
