/* SPDX-License-Identifier: Apache-2.0 */
/* One list from the jail's own root and the grants. A grant wins over what lies at or beneath it;
 * what lies above it stays, and the grant is mounted over it. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "linux/control.h"
#include "plan/mounts.h"
#include "plan/paths.h"
#include "policy/fields.h"

static bool is_covered(const struct mount *mount, const struct mount *by)
{
	return by && path_covers(by->path, mount->path);
}

/* Of a list in order: what lies beneath a path follows it without a gap, so that the outermost
 * mount so far is the only one that can cover the next. */
static void move_cover(const struct mount **cover, const struct mount *mount)
{
	if (!is_covered(mount, *cover) &&
		(mount->kind == MOUNT_BIND_GRANT || mount->kind == MOUNT_LINK ||
			mount->kind == MOUNT_BIND_HOST))
		*cover = mount;
}

static int copy_mount(struct mount_list *list, const struct mount *mount)
{
	return mount_list_add(list, mount, mount->path, mount->source);
}

/* Both are in order, and so is the result. */
static int merge(
	struct mount_list *list, const struct mount_list *builtin, const struct mount_list *grants)
{
	const struct mount *own = NULL;
	const struct mount *granted = NULL;
	size_t next = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < builtin->len; i++) {
		const struct mount *mount = &builtin->items[i];

		while (r == 0 && next < grants->len &&
			path_compare(grants->items[next].path, mount->path) <= 0) {
			move_cover(&granted, &grants->items[next]);
			r = copy_mount(list, &grants->items[next++]);
		}
		if (r == 0 && !is_covered(mount, granted) && !is_covered(mount, own))
			r = copy_mount(list, mount);
		move_cover(&own, mount);
	}
	while (r == 0 && next < grants->len)
		r = copy_mount(list, &grants->items[next++]);
	return r;
}

/* A grant beneath a link or a file of the jail's own: the facts are older than the grant. */
static int check_places(const struct ks_plan *plan, ks_error **reterr)
{
	for (size_t i = 0; i < plan->mounts.len; i++) {
		const struct mount *mount = &plan->mounts.items[i];
		const struct grant *grant = &plan->grants.items[mount->grant];

		if (mount->kind != MOUNT_BIND_GRANT)
			continue;
		for (size_t k = 0; k < plan->mounts.len; k++) {
			const struct mount *above = &plan->mounts.items[k];
			const char *field = policy_field_name(grant->field);

			if ((above->kind != MOUNT_LINK && above->kind != MOUNT_DATA) ||
				!path_beneath(above->path, mount->path))
				continue;
			return error_set(reterr, -ESTALE,
				ABOUT(.step = "plan", .field = field, .path = grant->asked,
					.remedy = "try again; a backend made anew reads the host's "
						  "facts anew"),
				"%s: cannot grant %s: %s was no directory when the host was looked "
				"at",
				field, grant->asked, above->path);
		}
	}
	return 0;
}

static int collect_data(struct ks_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->mounts.len; i++)
		if (plan->mounts.items[i].kind == MOUNT_DATA)
			r = strv_add(&plan->data, plan->mounts.items[i].source);
	return r;
}

int plan_mounts(struct ks_plan *plan, const struct ks_host *host, ks_error **reterr)
{
	automounts struct mount_list builtin = {0};
	automounts struct mount_list grants = {0};
	int r;

	if (plan_system_mounts(plan->policy, host, &builtin) < 0)
		return error_oom(reterr);
	r = plan_grant_mounts(&plan->grants, &builtin, &grants, reterr);
	if (r < 0)
		return r;
	mount_list_sort(&builtin);
	mount_list_sort(&grants);
	if (merge(&plan->mounts, &builtin, &grants) < 0)
		return error_oom(reterr);
	r = check_places(plan, reterr);
	if (r < 0)
		return r;
	if (collect_data(plan) < 0)
		return error_oom(reterr);
	if (plan->data.len > SLOT_DATA_MAX - SLOT_DATA + 1)
		return error_set(reterr, -E2BIG, ABOUT(.step = "plan"),
			"more generated files than descriptors kept for them");
	return 0;
}
