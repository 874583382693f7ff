/* SPDX-License-Identifier: Apache-2.0 */
/* Must not: show anything of the policy's tree to the machine, or anything of the machine to the
 * server of files; give either a network, but the machine that of its worker, whose every address
 * leads to the egress proxy. */
#include "vm/plan/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/plan/landlock_rights.h"
#include "linux/plan/parts.h"
#include "plan/frame.h"
#include "plan/mounts.h"
#include "vm/plan/parts.h"

#define MIB (UINT64_C(1024) * 1024)
#define SOCKETS_SIZE 65536
#define FILES_SPARE 512u /* descriptors of kastellan-vm that are no connection */

/* Neither has an environment of the worker's, nor any of its limits. */
static int plain_policy(ks_policy **ret_policy)
{
	int r = ks_policy_new(ret_policy);

	if (r < 0)
		return r;
	(*ret_policy)->cpu_ms = 0;
	(*ret_policy)->mem_mb = 0;
	return 0;
}

DEFINE_CLEANUP(ks_policy *, ks_policy_free);

/* The allowlist and the limits of the proxy are the worker's own. */
static int outlet_policy(const ks_policy *worker, ks_policy **ret_policy)
{
	__attribute__((cleanup(cleanup_ks_policy_free))) ks_policy *policy = NULL;
	int r = plain_policy(&policy);

	for (size_t i = 0; r == 0 && i < worker->n_endpoints; i++)
		r = ks_policy_add_endpoint(policy, worker->endpoints[i].text, NULL);
	if (r < 0)
		return r;
	policy->egress = worker->egress;
	*ret_policy = take_ptr(policy);
	return 0;
}

/* The worker's own are in force in the guest. These are so that an escape is held. */
static void limit(struct ks_plan *jail, const struct ks_host *host, uint64_t memory_bytes,
	uint64_t tasks, uint64_t quota_pct)
{
	plan_limits(jail, host);
	jail->limits.memory_bytes = host->cgroup.memory ? memory_bytes : UINT64_MAX;
	jail->limits.tasks = host->cgroup.tasks ? tasks : UINT64_MAX;
	jail->limits.cpu_quota_pct = host->cgroup.cpu_quota ? quota_pct : UINT64_MAX;
	jail->limits.cpu_budget_usec = UINT64_MAX;
}

/* Of each connection, and what else there is. */
static void allow_descriptors(struct ks_plan *jail, uint32_t connections)
{
	for (size_t i = 0; i < jail->limits.n_rlimits; i++) {
		struct rlimit_plan *limit = &jail->limits.rlimits[i];

		if (limit->resource == RLIMIT_NOFILE && limit->hard < connections + FILES_SPARE)
			limit->hard = connections + FILES_SPARE;
	}
}

/* Whatever the worker may. */
static void plan_start(struct ks_plan *jail, const struct ks_host *host)
{
	jail->network = NETWORK_NONE;
	plan_identity(jail, host);
	plan_filter(jail, host);
	jail->filter.profile = KS_PROFILE_WORKER_STRICT;
}

static int add_fresh(struct mount_list *list, bool kvm)
{
	const struct mount proc = {.kind = MOUNT_PROC};
	const struct mount dev = {.kind = MOUNT_DEV};
	const struct mount processor = {.kind = MOUNT_DEVICE};
	int r = mount_list_add(list, &proc, "/proc", NULL);

	if (r == 0)
		r = mount_list_add(list, &dev, "/dev", NULL);
	return r < 0 || !kvm ? r : mount_list_add(list, &processor, "/dev/kvm", "/dev/kvm");
}

/* What finds libraries by their usual names where those are links. */
static int add_links(struct mount_list *list, const struct ks_host *host)
{
	static const char *const names[] = {"/lib", "/lib64"};
	const struct mount link = {.kind = MOUNT_LINK};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		const struct host_path *path = host_path_find(host, names[i]);

		if (path && path->kind == HOST_LINK)
			r = mount_list_add(list, &link, names[i], path->target);
	}
	return r;
}

/* The emulator's libraries and data, a list of directories. */
static int add_shown(struct mount_list *list, const struct ks_host *host)
{
	const struct mount bind = {.kind = MOUNT_BIND_HOST};
	const char *at = host->vm.shown ? host->vm.shown : "";
	int r = 0;

	while (r == 0 && *at) {
		size_t len = strcspn(at, ":");
		autofree char *path = strndup(at, len);

		r = path ? mount_list_add(list, &bind, path, path) : -ENOMEM;
		at += len + (at[len] == ':');
	}
	if (r == 0 && host_path_find(host, "/etc/ld.so.cache"))
		r = mount_list_add(list, &bind, "/etc/ld.so.cache", "/etc/ld.so.cache");
	return r;
}

static int add_libraries(struct mount_list *list, const struct ks_host *host)
{
	int r = add_links(list, host);

	return r < 0 ? r : add_shown(list, host);
}

/* A release of Firecracker is one file that needs no other. */
static bool is_alone(const struct vm_plan *vm, const struct ks_host *host)
{
	return vm->config && host->vm.firecracker_static;
}

static int add_programs(struct ks_plan *jail)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < jail->grants.len; i++) {
		const struct mount bind = {.kind = MOUNT_BIND_GRANT, .grant = i};

		r = mount_list_add(&jail->mounts, &bind, jail->grants.items[i].path, NULL);
	}
	return r;
}

/* For kastellan-vm, which denies itself and the emulator what they do not need of it. */
static void plan_outlet(struct ks_plan *jail, const struct ks_host *host)
{
	plan_network(jail);
	plan_filter(jail, host);
}

static int fill_machine(struct ks_plan *jail, const struct plan_request *request, ks_error **reterr)
{
	plan_start(jail, request->host);
	if (jail->policy->net == KS_NET_ALLOWLIST)
		plan_outlet(jail, request->host);
	jail->cwd = strdup("/");
	return jail->cwd ? 0 : error_oom(reterr);
}

/* What an emulator of the other kind reads and listens on. */
static int add_config(struct mount_list *list, const char *config)
{
	const struct mount data = {.kind = MOUNT_DATA};
	const struct mount sockets = {
		.kind = MOUNT_TMPFS, .writable = true, .size = SOCKETS_SIZE, .mode = 01777};
	int r = config ? mount_list_add(list, &data, MACHINE_CONFIG, config) : 0;

	return r < 0 || !config ? r : mount_list_add(list, &sockets, MACHINE_SOCKETS, NULL);
}

/* No worker may make a socket, so that what is writable does not say so. */
static int allow_config(struct landlock_plan *landlock)
{
	int r = plan_landlock_rule(
		landlock, MACHINE_CONFIG, LANDLOCK_BIT(FS_READ_FILE), PLAN_NO_GRANT);

	return r < 0 ? r
		     : plan_landlock_rule(landlock, MACHINE_SOCKETS, LANDLOCK_BIT(FS_MAKE_SOCK),
			       PLAN_NO_GRANT);
}

static int add_mounts(struct ks_plan *jail, const struct vm_plan *vm, const struct ks_host *host)
{
	int r = add_fresh(&jail->mounts, vm->kvm);

	if (r == 0 && !is_alone(vm, host))
		r = add_libraries(&jail->mounts, host);
	if (r == 0)
		r = add_config(&jail->mounts, vm->config);
	if (r == 0)
		r = add_programs(jail);
	mount_list_sort(&jail->mounts);
	if (r == 0)
		r = plan_landlock(jail, host);
	return r < 0 || !vm->config ? r : allow_config(&jail->landlock);
}

/* Grants without anybody's having asked: programs and images that were opened by the caller. */
static int name_grants(struct grants *grants, const char *const *paths, size_t n)
{
	if (grants->len == 0) {
		grants->items = calloc(n, sizeof(*grants->items));
		if (!grants->items)
			return -ENOMEM;
		grants->len = n;
		for (size_t i = 0; i < n; i++)
			grants->items[i].fd = -1;
	}
	if (grants->len != n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		grants->items[i].field = FIELD_FS_READ;
		grants->items[i].path = strdup(paths[i]);
		grants->items[i].asked = strdup(paths[i]);
		if (!grants->items[i].path || !grants->items[i].asked)
			return -ENOMEM;
	}
	return 0;
}

int plan_machine_jail(const struct ks_plan *plan, const struct ks_host *host, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	static const char *const argv[] = {MACHINE_KEEPER, NULL};
	const char *const paths[MACHINE_GRANTS] = {
		MACHINE_KEEPER, plan->vm.emulator, MACHINE_KERNEL, MACHINE_FIRMWARE};
	const struct plan_frame frame = {
		.kind = KS_BACKEND_NATIVE, .search = "/", .fill = fill_machine};
	__attribute__((cleanup(cleanup_ks_policy_free))) ks_policy *policy = NULL;
	struct plan_request request = {.host = host, .argv = argv};
	struct ks_plan *jail = NULL;
	int r = name_grants(
		grants, paths, plan->vm.firmware ? MACHINE_GRANTS : MACHINE_GRANT_FIRMWARE);

	if (r == 0)
		r = plan->vm.connections ? outlet_policy(plan->policy, &policy)
					 : plain_policy(&policy);
	if (r < 0)
		return error_oom(reterr);
	request.policy = policy;
	r = plan_make(&frame, &request, grants, &jail, reterr);
	if (r < 0)
		return r;
	jail->filter.around_emulator = plan->vm.config != NULL;
	if (add_mounts(jail, &plan->vm, host) < 0) {
		plan_free(jail);
		return error_oom(reterr);
	}
	/* The policy's bandwidth is set when the program starts: nobody is to wait for a boot. */
	limit(jail, host, plan->vm.host_bytes, MACHINE_TASKS, BOOT_QUOTA_PCT);
	if (plan->vm.connections)
		allow_descriptors(jail, plan->vm.connections);
	*ret_plan = jail;
	return 0;
}

static int add_server(struct ks_plan *jail)
{
	const struct mount bind = {.kind = MOUNT_BIND_GRANT, .grant = jail->grants.len - 1};
	int r = mount_list_add(&jail->mounts, &bind, FILES_PROGRAM, NULL);

	mount_list_sort(&jail->mounts);
	return r;
}

/* The tree is planned without the last grant, which is nobody's but the server's. */
static int fill_files(struct ks_plan *jail, const struct plan_request *request, ks_error **reterr)
{
	const struct ks_host *host = request->host;
	int r;

	plan_start(jail, host);
	jail->grants.len--;
	r = plan_mounts(jail, host, reterr);
	jail->grants.len++;
	if (r < 0)
		return r;
	r = add_server(jail);
	jail->cwd = strdup("/");
	if (r == 0)
		r = jail->cwd ? plan_landlock(jail, host) : -ENOMEM;
	return r < 0 ? error_oom(reterr) : 0;
}

static void drop_env(ks_policy *policy)
{
	for (size_t i = 0; i < policy->n_env; i++) {
		free(policy->env[i].name);
		free(policy->env[i].value);
	}
	policy->n_env = 0;
}

int plan_files_jail(const struct ks_plan *plan, const struct ks_host *host, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	static const char *const argv[] = {FILES_PROGRAM, NULL};
	const struct plan_frame frame = {
		.kind = KS_BACKEND_NATIVE, .search = "/", .fill = fill_files};
	struct plan_request request = {.policy = plan->policy, .host = host, .argv = argv};
	struct ks_plan *jail = NULL;
	int r = plan_make(&frame, &request, grants, &jail, reterr);

	if (r < 0)
		return r;
	drop_env(jail->policy);
	jail->policy->cpu_ms = jail->policy->mem_mb = 0;
	limit(jail, host, FILES_MB * MIB, FILES_TASKS, plan->vm.quota_pct);
	*ret_plan = jail;
	return 0;
}
