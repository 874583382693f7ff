/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a host as a value: made, filled, looked up, freed. Does no system call. */
#include "resolve/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static const char *const userns_names[] = {
	[USERNS_USABLE] = "usable",
	[USERNS_CLONE_SYSCTL] = "clone-sysctl",
	[USERNS_MAX_ZERO] = "max-zero",
	[USERNS_APPARMOR] = "apparmor",
	[USERNS_PROC_MASKED] = "proc-masked",
	[USERNS_PROC_ABSENT] = "proc-absent",
	[USERNS_PROC_READ_ONLY] = "proc-read-only",
	[USERNS_SECCOMP] = "seccomp",
	[USERNS_CHROOT] = "chroot",
	[USERNS_SELINUX] = "selinux",
	[USERNS_COMPILED_OUT] = "compiled-out",
	[USERNS_OTHER] = "other",
};

static const char *const manager_names[] = {
	[CGROUP_NONE] = "none",
	[CGROUP_V1] = "v1",
	[CGROUP_V2] = "v2",
	[CGROUP_SCOPE] = "scope",
};

static const char *const kind_names[] = {
	[HOST_FILE] = "file",
	[HOST_DIRECTORY] = "directory",
	[HOST_LINK] = "link",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const char *const *names, size_t count, size_t index)
{
	return index < count ? names[index] : "unknown";
}

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

const char *host_userns_cause_name(enum host_userns_cause cause)
{
	return name_at(userns_names, COUNT(userns_names), cause);
}

int host_userns_cause_from_name(const char *name)
{
	return index_of(userns_names, COUNT(userns_names), name);
}

const char *host_cgroup_manager_name(enum host_cgroup_manager manager)
{
	return name_at(manager_names, COUNT(manager_names), manager);
}

int host_cgroup_manager_from_name(const char *name)
{
	return index_of(manager_names, COUNT(manager_names), name);
}

const char *host_path_kind_name(enum host_path_kind kind)
{
	return name_at(kind_names, COUNT(kind_names), kind);
}

int host_path_kind_from_name(const char *name)
{
	return index_of(kind_names, COUNT(kind_names), name);
}

/* Where the path is, or where it would have to be inserted. */
static size_t path_position(const struct ks_host *host, const char *path, bool *ret_found)
{
	size_t low = 0;
	size_t high = host->n_paths;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host->paths[middle].path, path);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct host_path *host_path_find(const struct ks_host *host, const char *path)
{
	bool found;
	size_t position = path_position(host, path, &found);

	return found ? &host->paths[position] : NULL;
}

static void host_path_done(struct host_path *entry)
{
	free(entry->path);
	free(entry->target);
}

int host_add_path(
	struct ks_host *host, const char *path, enum host_path_kind kind, const char *target)
{
	struct host_path entry = {.kind = kind, .path = strdup(path)};
	struct host_path *paths;
	bool found;
	size_t position = path_position(host, path, &found);

	if (target)
		entry.target = strdup(target);
	if (!entry.path || (target && !entry.target))
		goto no_memory;
	if (found) {
		host_path_done(&host->paths[position]);
		host->paths[position] = entry;
		return 0;
	}
	paths = list_grow(host->paths, host->n_paths, sizeof(*paths));
	if (!paths)
		goto no_memory;
	host->paths = paths;
	memmove(paths + position + 1, paths + position,
		(host->n_paths - position) * sizeof(*paths));
	paths[position] = entry;
	host->n_paths++;
	return 0;
no_memory:
	host_path_done(&entry);
	return -ENOMEM;
}

void host_close_path(struct ks_host *host, const char *path, uint32_t owner)
{
	bool found;
	size_t position = path_position(host, path, &found);

	if (!found)
		return;
	host->paths[position].closed = true;
	host->paths[position].owner = owner;
}

struct ks_host *host_new(void)
{
	return calloc(1, sizeof(struct ks_host));
}

static void trial_done(struct host_trial *trial)
{
	free(trial->reason);
	free(trial->remedy);
}

static void vm_done(struct host_vm *vm)
{
	char *const texts[] = {vm->qemu, vm->qemu_version, vm->qemu_sha256, vm->firmware,
		vm->firmware_sha256, vm->firecracker, vm->firecracker_version,
		vm->firecracker_sha256, vm->kernel, vm->kernel_release, vm->kernel_sha256,
		vm->kernel_reason, vm->modules, vm->shown, vm->kvm_reason, vm->templates_reason};

	for (size_t i = 0; i < COUNT(texts); i++)
		free(texts[i]);
}

void host_free(struct ks_host *host)
{
	if (!host)
		return;
	if (host->free_kept)
		host->free_kept(host->kept);
	free(host->os);
	free(host->distribution);
	free(host->machine);
	free(host->kernel);
	free(host->userns_step);
	free(host->bwrap.path);
	free(host->bwrap.version);
	free(host->bwrap.reason);
	trial_done(&host->native);
	trial_done(&host->egress);
	free(host->cgroup.v1_memory);
	free(host->cgroup.v1_pids);
	free(host->cgroup.v1_cpu);
	free(host->cgroup.v1_cpuacct);
	free(host->cgroup.v2_base);
	free(host->cgroup.reason);
	vm_done(&host->vm);
	free(host->macos.version);
	free(host->macos.sandbox_reason);
	free(host->macos.container);
	free(host->macos.container_version);
	for (size_t i = 0; i < host->n_paths; i++)
		host_path_done(&host->paths[i]);
	free(host->paths);
	free(host);
}
