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

int submounts_find(const char *text, const char *directory, char **ret_place, char **ret_type)
{
	struct mount_line line;

	while (mountinfo_next(&text, &line)) {
		autofree char *place = NULL;

		if (!kernel_fs_is(line.type))
			continue;
		place = mountinfo_path(line.point);
		if (!place)
			return -ENOMEM;
		if (!path_beneath(directory, place))
			continue;
		*ret_type = strndup(line.type.start, line.type.len);
		if (!*ret_type)
			return -ENOMEM;
		*ret_place = take_ptr(place);
		return 1;
	}
	return 0;
}

static int check_one(const char *text, const struct grant *grant, ks_error **reterr)
{
	const char *field = policy_field_name(grant->field);
	autofree char *place = NULL;
	autofree char *type = NULL;
	int r = submounts_find(text, grant->path, &place, &type);

	if (r <= 0)
		return r < 0 ? error_oom(reterr) : 0;
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
	int r = 0;

	for (size_t i = 0; r == 0 && i < grants->len; i++) {
		if (!grants->items[i].directory || grants->items[i].pin)
			continue;
		if (!text)
			r = mount_table_text(&text);
		if (!text)
			return error_set(reterr, r,
				ABOUT(.step = "grant", .remedy = "see that /proc is mounted"),
				"what is mounted beneath the grants cannot be read: %s",
				strerror(-r));
		r = check_one(text, &grants->items[i], reterr);
	}
	return r;
}
