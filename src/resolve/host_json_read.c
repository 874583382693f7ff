/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a host from JSON. For a test each fact is optional (a golden file holds what its
 * test is about); of a host that somebody describes, what has no harmless default has to be there.
 * A name that is not known is refused, so that a misspelled fact is not a silent default. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "macos/version.h"
#include "policy/say.h"
#include "resolve/host_facts.h"
#include "resolve/host_json.h"
#include "resolve/host_place.h"

#define MOST_NAMES 32 /* facts of a section */
#define PATHS "paths"

/* "one of a, b and c": all that the numbers from 0 on have a name for. */
static struct phrase one_of(const char *first, const char *(*name)(int number), int n)
{
	struct phrase words = phrase("one of %s", first);

	for (int i = 1; i < n; i++)
		words = phrase("%s%s %s", words.text, i + 1 < n ? "," : " and", name(i));
	return words;
}

static const char *cause_name(int number)
{
	return host_userns_cause_name((enum host_userns_cause)number);
}

static const char *manager_name(int number)
{
	return host_cgroup_manager_name((enum host_cgroup_manager)number);
}

static struct phrase expected_of(enum fact_type type)
{
	switch (type) {
	case FACT_TEXT:
		return phrase("a text or null");
	case FACT_VERSION:
		return phrase("a version such as \"0.12.0\", or null");
	case FACT_BOOL:
		return phrase("true or false");
	case FACT_U32:
		return phrase("a whole number from 0 to %u", UINT32_MAX);
	case FACT_INT:
		return phrase("a whole number");
	case FACT_USERNS:
		return one_of(cause_name(0), cause_name, USERNS_OTHER + 1);
	case FACT_MANAGER:
		return one_of(manager_name(0), manager_name, CGROUP_SCOPE + 1);
	}
	return phrase("another value");
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

static int version_from_json(const json_t *value, char **slot)
{
	if (json_is_string(value) && !version_known(json_string_value(value)))
		return -EINVAL;
	return text_from_json(value, slot);
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
	case FACT_VERSION:
		return version_from_json(value, slot);
	case FACT_BOOL:
		if (!json_is_boolean(value))
			return -EINVAL;
		*(bool *)slot = json_is_true(value);
		return 0;
	case FACT_U32:
		r = place_integer(value, 0, UINT32_MAX, &number);
		if (r == 0)
			*(uint32_t *)slot = (uint32_t)number;
		return r;
	case FACT_INT:
		r = place_integer(value, INT32_MIN, INT32_MAX, &number);
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

/* sections: those of the whole are told, too, where a name is not known. */
static int one_fact_from_json(const struct fact *facts, bool sections, void *base,
	const struct place *place, const json_t *value, ks_error **reterr)
{
	const char *names[MOST_NAMES];
	size_t n = 0;

	for (; facts->name; facts++) {
		if (strcmp(facts->name, place->name) != 0) {
			names[n++] = facts->name;
			continue;
		}
		int r = fact_from_json(facts, base, value);

		if (r == -ENOMEM)
			return error_oom(reterr);
		return r < 0 ? place_wrong(place, value, expected_of(facts->type).text, reterr) : 0;
	}
	for (size_t i = 0; sections && i < n_fact_sections; i++)
		names[n++] = fact_sections[i].name;
	if (sections)
		names[n++] = PATHS;
	return place_unknown(place, names, n, reterr);
}

static int section_from_json(const struct fact *facts, void *base, const struct place *place,
	json_t *section, ks_error **reterr)
{
	const char *name;
	json_t *value;

	if (!json_is_object(section))
		return place_wrong(place, section, "an object", reterr);
	json_object_foreach(section, name, value)
	{
		int r = one_fact_from_json(facts, false, base, IN(place, name), value, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int part_from_json(
	struct ks_host *host, const struct place *place, json_t *value, ks_error **reterr)
{
	for (size_t i = 0; i < n_fact_sections; i++)
		if (strcmp(fact_sections[i].name, place->name) == 0)
			return section_from_json(fact_sections[i].facts,
				(char *)host + fact_sections[i].offset, place, value, reterr);
	if (strcmp(place->name, PATHS) == 0)
		return host_paths_from_json(host, place, value, reterr);
	return one_fact_from_json(host_facts, true, host, place, value, reterr);
}

/* A section of another system means that facts of two hosts were mixed up. */
static int check_sections(const struct ks_host *host, const struct place *place,
	const json_t *object, ks_error **reterr)
{
	for (size_t i = 0; i < n_fact_sections; i++) {
		const struct fact_section *section = &fact_sections[i];

		if (host->os && section->os && strcmp(host->os, section->os) != 0 &&
			json_object_get(object, section->name))
			return place_refuse(IN(place, section->name),
				phrase("it is of a host whose \"os\" is \"%s\", and here that is "
				       "%s",
					section->os, quoted(host->os, strlen(host->os)).text)
					.text,
				reterr);
	}
	return 0;
}

/* What a plan would be wrong without. Nobody is taken for root because nothing is said. */
static int check_needed(const struct ks_host *host, const struct place *place, const json_t *object,
	ks_error **reterr)
{
	static const struct {
		const char *name;
		const char *os; /* NULL = of every host */
		const char *expected;
	} needed[] = {
		{"os", NULL, "the system, as \"macos\" or \"linux\","},
		{"uid", NULL, "the number of the user who starts workers (id -u tells it)"},
		{"gid", NULL, "the number of that user's group (id -g tells it)"},
		{"macos", "macos", "an object with the facts of a Mac"},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		const json_t *value = json_object_get(object, needed[i].name);

		if ((!value || json_is_null(value)) &&
			(!needed[i].os || (host->os && strcmp(host->os, needed[i].os) == 0)))
			return place_wrong(
				IN(place, needed[i].name), value, needed[i].expected, reterr);
	}
	return 0;
}

static int read_object(json_t *object, const struct place *place, bool described,
	struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host;
	const char *name;
	json_t *value;
	int r = 0;

	if (!json_is_object(object))
		return place_wrong(place, object, "an object", reterr);
	host = host_new();
	if (!host)
		return error_oom(reterr);
	json_object_foreach(object, name, value)
	{
		r = part_from_json(host, IN(place, name), value, reterr);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = check_sections(host, place, object, reterr);
	if (r == 0 && described)
		r = check_needed(host, place, object, reterr);
	if (r < 0) {
		host_free(host);
		return r;
	}
	*ret_host = host;
	return 0;
}

int host_from_json(json_t *object, struct ks_host **ret_host, ks_error **reterr)
{
	return read_object(object, NULL, false, ret_host, reterr);
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
			ABOUT(.step = "host", .field = "host", .line = (unsigned)problem.line,
				.column = (unsigned)problem.column, .remedy = PLACE_REMEDY),
			"facts of a host: one JSON object is expected, and this is none: %s",
			problem.text);
	r = part ? read_object(part, IN(NULL, "host"), described, ret_host, reterr)
		 : read_object(object, NULL, described, ret_host, reterr);
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
