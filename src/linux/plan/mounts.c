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

static bool covered(const struct mount *mount, const struct mount_list *by)
{
	for (size_t i = 0; i < by->len; i++) {
		const struct mount *other = &by->items[i];

		if (other == mount)
			continue;
		if (other->kind != MOUNT_BIND_GRANT && other->kind != MOUNT_LINK &&
			other->kind != MOUNT_BIND_HOST)
			continue;
		if (path_covers(other->path, mount->path))
			return true;
	}
	return false;
}

static int add_uncovered(
	struct mount_list *list, const struct mount_list *builtin, const struct mount_list *grants)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < builtin->len; i++) {
		const struct mount *mount = &builtin->items[i];

		if (!covered(mount, grants) && !covered(mount, builtin))
			r = mount_list_add(list, mount, mount->path, mount->source);
	}
	for (size_t i = 0; r == 0 && i < grants->len; i++) {
		const struct mount *mount = &grants->items[i];

		r = mount_list_add(list, mount, mount->path, mount->source);
	}
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
	if (add_uncovered(&plan->mounts, &builtin, &grants) < 0)
		return error_oom(reterr);
	mount_list_sort(&plan->mounts);
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
