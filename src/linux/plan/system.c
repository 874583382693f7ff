/* SPDX-License-Identifier: Apache-2.0 */
/* The jail's root without any grant: what every program needs, and nothing that tells of the host.
 *
 * The facts list the paths that exist; where a path lies says what becomes of it: beneath /proc it
 * is covered up, unless the kernel refuses it to the worker anyway; a link stays a link, the rest
 * is bound read-only. Users, groups and names are generated: the host's tell who works there, and
 * the worker's ids mean nobody in them. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <string.h>

#include "linux/kernel_id.h"
#include "linux/system_paths.h"
#include "plan/mounts.h"
#include "plan/paths.h"

#define MIB (1024ull * 1024)

/* Half of the worker's memory for each tmpfs: full files are refused before the worker is killed
 * for them, as their pages are charged to its memory too. Without a memory limit there is nothing
 * to take half of. */
#define TMPFS_UNLIMITED_MEMORY (512 * MIB)
#define TMPFS_MINIMUM (1 * MIB)

static const struct {
	const char *path;
	const char *text;
} generated[] = {
	{"/etc/passwd", "worker:x:1000:1000:worker:/tmp:/bin/sh\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
	{"/etc/group", "worker:x:1000:\n"
		       "nogroup:x:65534:\n"},
	{"/etc/hosts", "127.0.0.1 localhost " WORKER_HOSTNAME "\n"
		       "::1 localhost\n"},
	{"/etc/hostname", WORKER_HOSTNAME "\n"},
	{"/etc/nsswitch.conf", "passwd: files\n"
			       "group: files\n"
			       "shadow: files\n"
			       "hosts: files dns\n"
			       "networks: files\n"
			       "protocols: files\n"
			       "services: files\n"},
};

const char *plan_own_directory(const char *path)
{
	static const char *const own[] = {"/proc", "/sys", "/dev"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (path_covers(own[i], path))
			return own[i];
	return NULL;
}

static uint64_t tmpfs_size(const struct ks_policy *policy)
{
	uint64_t half = policy->mem_mb * MIB / 2;

	if (policy->mem_mb == 0)
		return TMPFS_UNLIMITED_MEMORY;
	return half < TMPFS_MINIMUM ? TMPFS_MINIMUM : half;
}

/* Where the host resolves names in its own way, and the worker is to do as it does. */
static bool shows_host(const struct ks_policy *policy, const struct ks_host *host, const char *path)
{
	return policy->net == KS_NET_PROXY_EGRESS && system_path_of_network(path) &&
	       host_path_find(host, path);
}

static int add_generated(
	struct mount_list *list, const struct ks_policy *policy, const struct ks_host *host)
{
	const struct mount mount = {.kind = MOUNT_DATA};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(generated) / sizeof(generated[0]); i++)
		if (!shows_host(policy, host, generated[i].path))
			r = mount_list_add(list, &mount, generated[i].path, generated[i].text);
	/* Any address would do, and it is what C libraries take without such a file; but there are
	 * programs that insist on one. */
	if (r == 0 && policy->net == KS_NET_ALLOWLIST)
		r = mount_list_add(list, &mount, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
	return r;
}

static int add_fresh(struct mount_list *list, const struct ks_policy *policy)
{
	const struct mount proc = {.kind = MOUNT_PROC};
	const struct mount dev = {.kind = MOUNT_DEV};
	/* The kernel settings, which are read much and written by nobody inside. */
	const struct mount settings = {.kind = MOUNT_BIND_HOST};
	const struct mount tmpfs = {
		.kind = MOUNT_TMPFS, .writable = true, .size = tmpfs_size(policy), .mode = 01777};
	int r = mount_list_add(list, &proc, "/proc", NULL);

	if (r == 0)
		r = mount_list_add(list, &settings, "/proc/sys", "/proc/sys");
	if (r == 0)
		r = mount_list_add(list, &dev, "/dev", NULL);
	if (r == 0)
		r = mount_list_add(list, &tmpfs, "/dev/shm", NULL);
	return r < 0 ? r : mount_list_add(list, &tmpfs, "/tmp", NULL);
}

/* The worker has no capability, and its ids are those that it is given or else the caller's. The
 * owner is compared as the caller sees it: root of the host may be any user of a user namespace. */
static bool closed_to_worker(const struct ks_host *host, const struct host_path *path)
{
	if (!path->closed)
		return false;
	if (host->privileged)
		return path->owner < KERNEL_ID_BASE ||
		       path->owner - KERNEL_ID_BASE >= KERNEL_ID_COUNT;
	return path->owner != host->uid;
}

static int add_host_path(
	struct mount_list *list, const struct ks_host *host, const struct host_path *path)
{
	struct mount mount = {.kind = MOUNT_BIND_HOST};
	const char *source = path->path;

	if (path_beneath("/proc", path->path)) {
		mount.kind = path->kind == HOST_DIRECTORY   ? MOUNT_MASK_DIRECTORY
			     : closed_to_worker(host, path) ? MOUNT_CLOSED
							    : MOUNT_MASK_FILE;
		source = NULL;
	} else if (path->kind == HOST_LINK) {
		mount.kind = MOUNT_LINK;
		source = path->target;
	}
	return mount_list_add(list, &mount, path->path, source);
}

static bool is_shown(const struct ks_policy *policy, const char *path)
{
	return policy->net == KS_NET_PROXY_EGRESS || !system_path_of_network(path);
}

int plan_system_mounts(
	const struct ks_policy *policy, const struct ks_host *host, struct mount_list *ret_list)
{
	int r = add_generated(ret_list, policy, host);
	struct mount_list own;

	if (r == 0)
		r = add_fresh(ret_list, policy);
	own = *ret_list;
	for (size_t i = 0; r == 0 && i < host->n_paths; i++) {
		/* What is made fresh or generated is not taken from the host as well, which has
		 * each path once. */
		own.items = ret_list->items;
		if (is_shown(policy, host->paths[i].path) &&
			!mount_list_find(&own, host->paths[i].path))
			r = add_host_path(ret_list, host, &host->paths[i]);
	}
	return r;
}
