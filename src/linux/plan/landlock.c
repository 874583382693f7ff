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

#include "plan/landlock.h"
#include "plan/paths.h"

#define READING (LANDLOCK_BIT(FS_READ_FILE) | LANDLOCK_BIT(FS_READ_DIR))
#define RUNNING (READING | LANDLOCK_BIT(FS_EXECUTE))
/* Not among them: device nodes; sockets, as the filter lets nobody listen on one; and ioctl on
 * devices, as a grant shows none. */
#define WRITING                                                              \
	(RUNNING | LANDLOCK_BIT(FS_WRITE_FILE) | LANDLOCK_BIT(FS_TRUNCATE) | \
		LANDLOCK_BIT(FS_REMOVE_DIR) | LANDLOCK_BIT(FS_REMOVE_FILE) | \
		LANDLOCK_BIT(FS_MAKE_DIR) | LANDLOCK_BIT(FS_MAKE_REG) |      \
		LANDLOCK_BIT(FS_MAKE_FIFO) | LANDLOCK_BIT(FS_MAKE_SYM) | LANDLOCK_BIT(FS_REFER))
/* The kernel refuses any other right in a rule for something that is no directory. */
#define OF_FILES                                                                               \
	(LANDLOCK_BIT(FS_EXECUTE) | LANDLOCK_BIT(FS_WRITE_FILE) | LANDLOCK_BIT(FS_READ_FILE) | \
		LANDLOCK_BIT(FS_TRUNCATE) | LANDLOCK_BIT(FS_IOCTL_DEV))
#define NODE (LANDLOCK_BIT(FS_READ_FILE) | LANDLOCK_BIT(FS_WRITE_FILE))
#define TERMINAL (NODE | LANDLOCK_BIT(FS_IOCTL_DEV))

static int add_rule(struct landlock_plan *plan, const char *path, uint64_t access)
{
	struct landlock_rule *rules = realloc(
		plan->rules, (plan->n_rules + 1) * sizeof(*plan->rules));
	struct landlock_rule rule = {.access = access & plan->handled_fs};

	if (!rules)
		return -ENOMEM;
	plan->rules = rules;
	rule.path = strdup(path);
	if (!rule.path)
		return -ENOMEM;
	rules[plan->n_rules++] = rule;
	return 0;
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
	case MOUNT_LINK:
	case MOUNT_DATA:
	case MOUNT_MASK_FILE:
	case MOUNT_MASK_DIRECTORY:
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

int plan_landlock(struct ks_plan *plan, const struct ks_host *host)
{
	struct landlock_plan *landlock = &plan->landlock;
	int r;

	landlock->abi = host->landlock_abi < LANDLOCK_ABI_KNOWN ? host->landlock_abi
								: LANDLOCK_ABI_KNOWN;
	if (landlock->abi <= 0) {
		landlock->abi = 0;
		return 0;
	}
	landlock->handled_fs = landlock_handled_fs(landlock->abi);
	landlock->handled_net = landlock_handled_net(landlock->abi);
	landlock->scoped = landlock_scopes(landlock->abi);

	/* The root's directories are the jail's own, and may be listed; a right to list adds
	 * nothing to what the mounts below it have anyway. */
	r = add_rule(landlock, "/", LANDLOCK_BIT(FS_READ_DIR));
	if (r == 0 && has_etc(&plan->mounts))
		r = add_rule(landlock, "/etc", READING);
	for (size_t i = 0; r == 0 && i < plan->mounts.len; i++)
		r = add_mount(plan, &plan->mounts.items[i]);
	return r;
}
