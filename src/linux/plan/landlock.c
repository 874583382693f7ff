/* SPDX-License-Identifier: Apache-2.0 */
/* The second layer over files: the worker's own domain allows what the mounts show, and no more,
 * so that a directory of the host reached past the mounts stays closed.
 *
 * Rights add up along a path: a read-only grant inside a writable one is held by its mount alone,
 * which the receipt says. Rules are for mounted objects, so the domain is entered after mounting.
 */
#include "linux/plan/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "linux/plan/landlock_rights.h"
#include "plan/paths.h"

int plan_landlock_rule(
	struct landlock_plan *landlock, const char *path, uint64_t access, size_t grant)
{
	struct landlock_rule *rules = list_grow(
		landlock->rules, landlock->n_rules, sizeof(*landlock->rules));
	struct landlock_rule rule = {.access = access & landlock->handled_fs, .grant = grant};

	if (!rules)
		return -ENOMEM;
	landlock->rules = rules;
	rule.path = strdup(path);
	if (!rule.path)
		return -ENOMEM;
	rules[landlock->n_rules++] = rule;
	return 0;
}

static int add_rule(struct landlock_plan *plan, const char *path, uint64_t access)
{
	return plan_landlock_rule(plan, path, access, PLAN_NO_GRANT);
}

static int add_devices(struct landlock_plan *plan)
{
	static const struct {
		const char *path;
		uint64_t access;
	} devices[] = {
		{"/dev", LANDLOCK_BIT(FS_READ_DIR)},
		{"/dev/full", NODE},
		{"/dev/null", NODE},
		{"/dev/pts", TERMINAL | LANDLOCK_BIT(FS_READ_DIR)},
		{"/dev/random", NODE},
		{"/dev/tty", TERMINAL},
		{"/dev/urandom", NODE},
		{"/dev/zero", NODE},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(devices) / sizeof(devices[0]); i++)
		r = add_rule(plan, devices[i].path, devices[i].access);
	return r;
}

static int add_grant(struct landlock_plan *plan, const struct mount *mount, bool directory)
{
	uint64_t access = mount->writable ? WRITING : RUNNING;

	return add_rule(plan, mount->path, directory ? access : access & OF_FILES);
}

static int add_mount(struct ks_plan *plan, const struct mount *mount)
{
	struct landlock_plan *landlock = &plan->landlock;

	switch (mount->kind) {
	case MOUNT_BIND_HOST:
		/* The files of /etc have one rule together, and those of /proc. */
		if (path_beneath("/etc", mount->path) || path_beneath("/proc", mount->path))
			return 0;
		return add_rule(landlock, mount->path, RUNNING);
	case MOUNT_BIND_GRANT:
		return add_grant(landlock, mount, plan->grants.items[mount->grant].directory);
	case MOUNT_TMPFS:
		return add_rule(landlock, mount->path, WRITING);
	case MOUNT_PROC:
		return add_rule(landlock, mount->path, READING);
	case MOUNT_DEV:
		return add_devices(landlock);
	case MOUNT_DEVICE:
		return add_rule(landlock, mount->path, TERMINAL);
	case MOUNT_LINK:
	case MOUNT_DATA:
	case MOUNT_MASK_FILE:
	case MOUNT_MASK_DIRECTORY:
	case MOUNT_CLOSED:
		return 0;
	}
	return -EINVAL;
}

static bool has_etc(const struct mount_list *mounts)
{
	for (size_t i = 0; i < mounts->len; i++) {
		enum mount_kind kind = mounts->items[i].kind;

		if ((kind == MOUNT_BIND_HOST || kind == MOUNT_DATA) &&
			path_beneath("/etc", mounts->items[i].path))
			return true;
	}
	return false;
}

bool plan_landlock_head(struct landlock_plan *landlock, const struct ks_host *host)
{
	landlock->abi = host->landlock_abi < LANDLOCK_ABI_KNOWN ? host->landlock_abi
								: LANDLOCK_ABI_KNOWN;
	if (landlock->abi <= 0) {
		landlock->abi = 0;
		return false;
	}
	landlock->handled_fs = landlock_handled_fs(landlock->abi);
	landlock->handled_net = landlock_handled_net(landlock->abi);
	landlock->scoped = landlock_scopes(landlock->abi);
	return true;
}

int plan_landlock(struct ks_plan *plan, const struct ks_host *host)
{
	struct landlock_plan *landlock = &plan->landlock;
	int r;

	if (!plan_landlock_head(landlock, host))
		return 0;
	/* Ports say nothing of where a connection leads, which the proxy knows; and the loopback is
	 * the worker's own. */
	if (plan->network != NETWORK_NONE)
		landlock->handled_net = 0;
	/* The root's directories are the jail's own, and may be listed; a right to list adds
	 * nothing to what the mounts below it have anyway. */
	r = add_rule(landlock, "/", LANDLOCK_BIT(FS_READ_DIR));
	if (r == 0 && has_etc(&plan->mounts))
		r = add_rule(landlock, "/etc", READING);
	for (size_t i = 0; r == 0 && i < plan->mounts.len; i++)
		r = add_mount(plan, &plan->mounts.items[i]);
	return r;
}
