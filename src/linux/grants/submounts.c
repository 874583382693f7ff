/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/grants/submounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/kernel_fs.h"
#include "linux/mount_table.h"
#include "plan/paths.h"
#include "policy/fields.h"

static bool is_asked_about(const struct grant *grant)
{
	return grant->directory && !grant->pin;
}

/* The first of so many grants that the place lies beneath, or their number. */
static size_t grant_above(const struct grant *grants, size_t n, const char *place)
{
	size_t i = 0;

	while (i < n && !(is_asked_about(&grants[i]) && path_beneath(grants[i].path, place)))
		i++;
	return i;
}

int submounts_find(const struct grants *grants, const char *text, size_t *ret_grant,
	char **ret_place, char **ret_type)
{
	autofree char *found = NULL;
	autofree char *type = NULL;
	size_t first = grants->len;
	struct mount_line line;

	while (mountinfo_next_of(&text, kernel_fs_is, &line)) {
		autofree char *place = mountinfo_path(line.point);
		size_t above = place ? grant_above(grants->items, first, place) : 0;

		if (!place)
			return -ENOMEM;
		if (above == first)
			continue;
		first = above;
		free(type);
		free(found);
		found = take_ptr(place);
		type = strndup(line.type.start, line.type.len);
		if (!type)
			return -ENOMEM;
	}
	if (first == grants->len)
		return 0;
	*ret_grant = first;
	*ret_place = take_ptr(found);
	*ret_type = take_ptr(type);
	return 1;
}

static int check(const struct grants *grants, const char *text, ks_error **reterr)
{
	autofree char *place = NULL;
	autofree char *type = NULL;
	const struct grant *grant;
	const char *field;
	size_t index = 0;
	int r = submounts_find(grants, text, &index, &place, &type);

	if (r <= 0)
		return r < 0 ? error_oom(reterr) : 0;
	grant = &grants->items[index];
	field = policy_field_name(grant->field);
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "grant", .field = field, .path = grant->asked,
			.remedy = "grant the directories beneath it that the worker needs, or "
				  "unmount it there first"),
		"%s: beneath %s, a file system of the kernel's is mounted (%s at %s), which cannot "
		"be granted",
		field, grant->asked, type, place);
}

int submounts_check(const struct grants *grants, ks_error **reterr)
{
	autofree char *text = NULL;
	bool asked = false;
	int r;

	for (size_t i = 0; !asked && i < grants->len; i++)
		asked = is_asked_about(&grants->items[i]);
	if (!asked)
		return 0;
	r = mount_table_text(&text);
	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "grant", .remedy = "see that /proc is mounted"),
			"what is mounted beneath the grants cannot be read: %s", strerror(-r));
	return check(grants, text, reterr);
}
