/* SPDX-License-Identifier: Apache-2.0 */
/* The paths among the facts of a host. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "policy/say.h"
#include "resolve/host_place.h"

#define ENTRY                                                                                 \
	"an object with \"path\", \"kind\" (file, directory or link), of a link \"target\", " \
	"and \"owner\" where all others may not open it"

/* No component is empty, "." or "..": a path is found here by its text alone. */
static bool is_plain_path(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *part = path + 1; path[1];) {
		size_t len = strcspn(part, "/");

		if (len == 0 || strncmp(part, ".", len) == 0 || strncmp(part, "..", len) == 0)
			return false;
		if (!part[len])
			break;
		part += len + 1;
	}
	return true;
}

struct entry {
	const char *path;
	const char *target;
	int kind;
	bool closed;
	uint32_t owner;
};

static int entry_member(
	struct entry *entry, const struct place *place, const json_t *value, ks_error **reterr)
{
	static const char *const names[] = {"path", "kind", "target", "owner"};
	const char *text = json_string_value(value);
	json_int_t number = 0;

	if (strcmp(place->name, "path") == 0) {
		entry->path = text;
		return text && is_plain_path(text)
			       ? 0
			       : place_wrong(place, value,
					 "an absolute path without \".\" and \"..\"", reterr);
	}
	if (strcmp(place->name, "kind") == 0) {
		entry->kind = text ? host_path_kind_from_name(text) : -EINVAL;
		return entry->kind >= 0
			       ? 0
			       : place_wrong(place, value, "file, directory or link", reterr);
	}
	if (strcmp(place->name, "target") == 0) {
		entry->target = text;
		return text && *text ? 0
				     : place_wrong(place, value, "the text of the link", reterr);
	}
	if (strcmp(place->name, "owner") != 0)
		return place_unknown(place, names, sizeof(names) / sizeof(names[0]), reterr);
	if (place_integer(value, 0, UINT32_MAX, &number) < 0)
		return place_wrong(place, value, "the number of a user", reterr);
	entry->closed = true;
	entry->owner = (uint32_t)number;
	return 0;
}

static int path_from_json(
	struct ks_host *host, const struct place *place, json_t *object, ks_error **reterr)
{
	struct entry entry = {.kind = -EINVAL};
	const char *name;
	json_t *value;
	int r = json_is_object(object) ? 0 : place_wrong(place, object, ENTRY, reterr);

	if (r < 0)
		return r;
	json_object_foreach(object, name, value)
	{
		r = entry_member(&entry, IN(place, name), value, reterr);
		if (r < 0)
			return r;
	}
	if (!entry.path || entry.kind < 0)
		return place_wrong(IN(place, entry.path ? "kind" : "path"), NULL, ENTRY, reterr);
	if ((entry.kind == HOST_LINK) != (entry.target != NULL))
		return place_refuse(IN(place, "target"),
			entry.target ? "only a link has one" : "a link has the text that it holds",
			reterr);
	if (host_path_find(host, entry.path))
		return place_refuse(IN(place, "path"),
			phrase("%s is listed twice", quoted(entry.path, strlen(entry.path)).text)
				.text,
			reterr);
	if (host_add_path(host, entry.path, (enum host_path_kind)entry.kind, entry.target) < 0)
		return error_oom(reterr);
	if (entry.closed)
		host_close_path(host, entry.path, entry.owner);
	return 0;
}

int host_paths_from_json(
	struct ks_host *host, const struct place *place, json_t *list, ks_error **reterr)
{
	size_t index;
	json_t *object;

	if (!json_is_array(list))
		return place_wrong(place, list, "a list", reterr);
	json_array_foreach(list, index, object)
	{
		int r = path_from_json(host, AT(place, index), object, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}
