/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum kind { TEXT, NUMBER, BOOLEAN, OBJECT, LIST };

struct key {
	const char *object; /* "" = the top */
	const char *name;
	enum kind kind;
	bool needed;
	long long least;
	long long most;
};

/* What a configuration may hold of the interface (version 1), for machines as ours: what is about
 * drives and networks is left out, so that one of them is refused as well. */
static const struct key keys[] = {
	{"", "boot-source", OBJECT, true, 0, 0},
	{"", "drives", LIST, true, 0, 0},
	{"", "machine-config", OBJECT, true, 0, 0},
	{"", "vsock", OBJECT, true, 0, 0},
	{"", "entropy", OBJECT, false, 0, 0},
	{"", "logger", OBJECT, false, 0, 0},
	{"boot-source", "kernel_image_path", TEXT, true, 0, 0},
	{"boot-source", "initrd_path", TEXT, false, 0, 0},
	{"boot-source", "boot_args", TEXT, false, 0, 0},
	{"machine-config", "vcpu_count", NUMBER, true, 1, 32},
	{"machine-config", "mem_size_mib", NUMBER, true, 1, INT64_MAX},
	{"machine-config", "smt", BOOLEAN, false, 0, 0},
	{"machine-config", "track_dirty_pages", BOOLEAN, false, 0, 0},
	{"machine-config", "cpu_template", TEXT, false, 0, 0},
	{"machine-config", "huge_pages", TEXT, false, 0, 0},
	{"vsock", "guest_cid", NUMBER, true, 3, UINT32_MAX},
	{"vsock", "uds_path", TEXT, true, 0, 0},
	{"logger", "log_path", TEXT, false, 0, 0},
	{"logger", "level", TEXT, false, 0, 0},
	{"logger", "show_level", BOOLEAN, false, 0, 0},
	{"logger", "show_log_origin", BOOLEAN, false, 0, 0},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct key *find(const char *object, const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].object, object) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool fits(const struct key *key, const json_t *value)
{
	switch (key->kind) {
	case TEXT:
		return json_is_string(value) && json_string_length(value) > 0;
	case NUMBER:
		return json_is_integer(value) && json_integer_value(value) >= key->least &&
		       json_integer_value(value) <= key->most;
	case BOOLEAN:
		return json_is_boolean(value);
	case OBJECT:
		return json_is_object(value);
	case LIST:
		return json_is_array(value) && json_array_size(value) == 0;
	}
	return false;
}

/* NULL, or the key at fault. */
static const char *check_object(const char *object, json_t *json)
{
	const char *name;
	json_t *value;

	json_object_foreach(json, name, value)
	{
		const struct key *key = find(object, name);

		if (!key || !fits(key, value))
			return name;
	}
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].object, object) == 0 && keys[i].needed &&
			!json_object_get(json, keys[i].name))
			return keys[i].name;
	return NULL;
}

const char *schema_fault(json_t *json)
{
	const char *fault = json_is_object(json) ? check_object("", json) : "the top";
	const char *name;
	json_t *value;

	if (fault)
		return fault;
	json_object_foreach(json, name, value)
	{
		fault = json_is_object(value) ? check_object(name, value) : NULL;
		if (fault)
			return fault;
	}
	return NULL;
}
