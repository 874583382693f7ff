/* SPDX-License-Identifier: Apache-2.0 */
/* Grants as mounts. A grant appears at the path of the object that was opened; the name that was
 * asked for becomes a link to it, where nothing that is mounted holds that name already.
 *
 * bubblewrap creates missing mount points, and it follows links while doing so. Nothing here makes
 * it create one beneath anything that a worker may have written: a grant within a grant exists
 * there, as it was opened there, and no link or system file is ever put beneath a grant. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plan/mounts.h"
#include "plan/paths.h"
#include "policy/fields.h"

static int refuse(const struct grant *grant, int code, const char *remedy, const char *reason,
	ks_error **reterr)
{
	const char *field = policy_field_name(grant->field);

	return error_set(reterr, code,
		ABOUT(.step = "plan", .field = field, .path = grant->asked, .remedy = remedy),
		"%s: cannot grant %s: %s", field, grant->asked, reason);
}

static const char *own_remedy(const char *directory)
{
	if (strcmp(directory, "/proc") == 0)
		return "leave it out: the worker has a /proc of its own, with its own processes; "
		       "name files by their own path, not through /proc";
	if (strcmp(directory, "/sys") == 0)
		return "leave it out: the kernel's controls in /sys are never granted";
	return "leave it out: the worker has /dev/null, zero, full, random, urandom, tty, shm and "
	       "terminals of its own; devices of the host are never granted";
}

int plan_check_grant(const struct grant *grant, ks_error **reterr)
{
	const char *own = plan_own_directory(grant->path);

	if (!own)
		own = plan_own_directory(grant->asked);
	if (own)
		return refuse(grant, -EINVAL, own_remedy(own),
			"it lies in a directory that the jail makes itself", reterr);
	if (strcmp(grant->path, "/") == 0)
		return refuse(grant, -EINVAL,
			"name the directories that the worker needs; /usr and the basic files of "
			"/etc are always there",
			"the whole root would open, or hide, the jail's own /proc and /dev",
			reterr);
	return 0;
}

static int changed(const struct grant *grant, ks_error **reterr)
{
	return refuse(grant, -ESTALE,
		"try again while nothing replaces directories and links on the way to it",
		"its name led to different objects while the grants were opened", reterr);
}

/* Several grants of one path are one mount, and writing is the larger of two wishes. */
static int add_mount(struct mount_list *list, const struct grants *grants, size_t index)
{
	const struct grant *grant = &grants->items[index];
	bool writable = grant->field == FIELD_FS_WRITE;

	for (size_t i = 0; i < list->len; i++) {
		struct mount *mount = &list->items[i];

		if (strcmp(mount->path, grant->path) != 0)
			continue;
		if (writable && !mount->writable) {
			mount->writable = true;
			mount->grant = index;
		}
		return 0;
	}
	return mount_list_add(list,
		&(const struct mount){
			.kind = MOUNT_BIND_GRANT, .grant = index, .writable = writable},
		grant->path, NULL);
}

/* Whether the name needs no link, as what is mounted at or above it holds it already. */
static bool name_exists(const struct grant *grant, const struct mount_list *list)
{
	const struct mount *mount = mount_list_covering(list, grant->asked);

	if (!mount)
		return false;
	if (mount->kind == MOUNT_LINK)
		return true;
	return strcmp(mount->path, grant->asked) != 0 &&
	       (mount->kind == MOUNT_BIND_HOST || mount->kind == MOUNT_BIND_GRANT);
}

static int add_link(struct mount_list *list, const struct mount_list *builtin,
	const struct grant *grant, ks_error **reterr)
{
	const struct mount *same = mount_list_find(list, grant->asked);
	int r;

	if (same && same->kind == MOUNT_LINK && strcmp(same->source, grant->path) == 0)
		return 0;
	if (same)
		return changed(grant, reterr);
	if (name_exists(grant, list) || name_exists(grant, builtin))
		return 0;
	r = mount_list_add(
		list, &(const struct mount){.kind = MOUNT_LINK}, grant->asked, grant->path);
	return r < 0 ? error_oom(reterr) : 0;
}

static int compare_asked(const void *a, const void *b)
{
	const struct grant *first = a;
	const struct grant *second = b;

	return path_compare(first->asked, second->asked);
}

/* Shorter names first, so that a link above another name is known when that name is looked at,
 * whatever the order in the policy. sorted is room for all grants; their strings stay theirs. */
static int add_sorted_links(struct mount_list *list, const struct grants *grants,
	const struct mount_list *builtin, struct grant *sorted, ks_error **reterr)
{
	size_t len = 0;
	int r = 0;

	for (size_t i = 0; i < grants->len; i++)
		if (strcmp(grants->items[i].asked, grants->items[i].path) != 0)
			sorted[len++] = grants->items[i];
	if (len > 1)
		qsort(sorted, len, sizeof(*sorted), compare_asked);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = add_link(list, builtin, &sorted[i], reterr);
	return r;
}

static int add_links(struct mount_list *list, const struct grants *grants,
	const struct mount_list *builtin, ks_error **reterr)
{
	struct grant *sorted = calloc(grants->len + 1, sizeof(*sorted));
	int r = sorted ? add_sorted_links(list, grants, builtin, sorted, reterr)
		       : error_oom(reterr);

	free(sorted);
	return r;
}

/* A mount beneath a link would be mounted where the link leads. Names that do not change cannot
 * produce one: the path of an object has no links in it. */
static int check_links(
	const struct mount_list *list, const struct grants *grants, ks_error **reterr)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct mount *mount = &list->items[i];

		if (mount->kind != MOUNT_BIND_GRANT)
			continue;
		for (size_t k = 0; k < list->len; k++)
			if (list->items[k].kind == MOUNT_LINK &&
				path_covers(list->items[k].path, mount->path))
				return changed(&grants->items[mount->grant], reterr);
	}
	return 0;
}

int plan_grant_mounts(const struct grants *grants, const struct mount_list *builtin,
	struct mount_list *ret_list, ks_error **reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < grants->len; i++) {
		r = plan_check_grant(&grants->items[i], reterr);
		if (r == 0 && add_mount(ret_list, grants, i) < 0)
			r = error_oom(reterr);
	}
	if (r == 0)
		r = add_links(ret_list, grants, builtin, reterr);
	return r < 0 ? r : check_links(ret_list, grants, reterr);
}
