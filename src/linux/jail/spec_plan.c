/* SPDX-License-Identifier: Apache-2.0 */
/* From the plan to the orders of kastellan-init, one function a concern. */
#include "linux/jail/spec_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/strv.h"
#include "linux/control.h"
#include "linux/plan/bwrap.h"
#include "linux/plan/parts.h"
#include "linux/seccomp/seccomp_filters.h"
#include "linux/jail/spec_write.h"

static void write_program(struct spec_writer *writer, const struct ks_plan *plan,
	const char *const *argv, uint32_t kernel_id)
{
	spec_add_strings(writer, SPEC_ARG, argv);
	for (size_t i = 0; i < plan->policy->n_env; i++)
		spec_add_env(writer, plan->policy->env[i].name, plan->policy->env[i].value);
	spec_add_string(writer, SPEC_CWD, plan->cwd);
	spec_add_string(writer, SPEC_SEARCH, plan->search);
	if (plan->identity.on_host && plan->identity.drop)
		spec_add_ids(writer, SPEC_IDS, kernel_id, kernel_id);
	else
		spec_add_ids(writer, SPEC_IDS, plan->identity.uid, plan->identity.gid);
}

static void write_session(
	struct spec_writer *writer, const struct ks_plan *plan, const struct spec_start *start)
{
	const struct jail_stdio *stdio = start->stdio;
	uint32_t flags = plan->limits.group ? 0 : SPEC_FLAG_KEEP_GROUP;

	/* Nobody can use it whose filter allows no such socket, and lifting it waits for the
	 * network's one lock, which the end of other namespaces holds for long. */
	if (plan->network == NETWORK_HOST)
		flags |= SPEC_FLAG_HOST_NETWORK;
	else if (!plan->filter.enabled || plan->filter.profile != KS_PROFILE_WORKER_STRICT)
		flags |= SPEC_FLAG_LOOPBACK;
	if (start->root)
		flags |= SPEC_FLAG_ROOT;
	if (!stdio)
		flags |= SPEC_FLAG_LATE;
	if (stdio && stdio->terminal) {
		struct spec_winsize size = {.rows = stdio->rows, .columns = stdio->columns};

		flags |= SPEC_FLAG_TTY;
		spec_add_winsize(writer, &size);
	}
	spec_add_flags(writer, flags);
}

static void write_loopback(struct spec_writer *writer, const struct policy_endpoint *endpoint)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct in6_addr address;

	if (inet_pton(AF_INET, endpoint->host, &address.s6_addr[12]) == 1) {
		memcpy(address.s6_addr, mapped, sizeof(mapped));
		if (address.s6_addr[12] != 127)
			return;
	} else if (inet_pton(AF_INET6, endpoint->host, &address) != 1 ||
		   !IN6_IS_ADDR_LOOPBACK(&address)) {
		return;
	}
	spec_add_loopback(writer, address.s6_addr, endpoint->port);
}

/* The ports that the policy names, each once. */
static void write_network(struct spec_writer *writer, const struct ks_policy *policy)
{
	uint16_t ports[KS_MAX_ENDPOINTS];
	size_t count = 0;

	for (size_t i = 0; i < policy->n_endpoints; i++) {
		size_t k = 0;

		while (k < count && ports[k] != policy->endpoints[i].port)
			k++;
		if (k == count)
			ports[count++] = policy->endpoints[i].port;
	}
	spec_add_ports(writer, ports, count);
	for (size_t i = 0; i < policy->n_endpoints; i++)
		write_loopback(writer, &policy->endpoints[i]);
}

static void write_limits(struct spec_writer *writer, const struct limits_plan *limits)
{
	for (size_t i = 0; i < limits->n_rlimits; i++)
		spec_add_rlimit(writer, limits->rlimits[i].resource, limits->rlimits[i].soft,
			limits->rlimits[i].hard);
}

static void write_verify(struct spec_writer *writer, const struct ks_plan *plan)
{
	for (size_t i = 0; i < plan->mounts.len; i++) {
		const struct mount *mount = &plan->mounts.items[i];

		if (mount->kind == MOUNT_BIND_GRANT) {
			const struct grant *grant = &plan->grants.items[mount->grant];

			spec_add_verify(
				writer, mount->path, grant->dev, grant->ino, !mount->writable);
		}
		if (mount->kind == MOUNT_CLOSED)
			spec_add_string(writer, SPEC_CLOSED, mount->path);
	}
}

static void write_landlock(struct spec_writer *writer, const struct landlock_plan *landlock)
{
	if (!landlock->abi)
		return;
	spec_add_landlock(writer, (uint32_t)landlock->abi, landlock->handled_fs,
		landlock->handled_net, landlock->scoped);
	for (size_t i = 0; i < landlock->n_rules; i++) {
		const struct landlock_rule *rule = &landlock->rules[i];

		spec_add_rule(writer, rule->path, rule->access, rule->optional,
			rule->grant == SIZE_MAX ? 0 : SLOT_GRANT + (uint32_t)rule->grant);
	}
}

static const struct seccomp_program *find_filter(const struct filter_plan *filter, bool notify)
{
	if (filter->around_emulator)
		return seccomp_machine_program_for(
			filter->machine, filter->profile != KS_PROFILE_WORKER_STRICT, notify);
	if (filter->on_host)
		return seccomp_host_program_for(filter->machine, filter->scoped, notify);
	return seccomp_program_for(filter->profile, filter->machine, notify);
}

static int write_filter(struct spec_writer *writer, const struct filter_plan *filter)
{
	const struct seccomp_program *notify, *kill;

	if (!filter->enabled)
		return 0;
	kill = find_filter(filter, false);
	notify = find_filter(filter, true);
	if (!kill || !notify)
		return -EOPNOTSUPP;
	if (filter->notify)
		spec_add_filter(writer, SPEC_FILTER_NOTIFY, notify->filter, notify->len);
	spec_add_filter(writer, SPEC_FILTER_KILL, kill->filter, kill->len);
	return 0;
}

static int write_helper(struct spec_writer *writer, const struct ks_plan *plan)
{
	autostrv struct strv argv = {0};
	int r = plan_bwrap_argv(plan, &argv);

	if (r < 0)
		return r;
	spec_add_strings(writer, SPEC_HELPER_ARG, (const char *const *)argv.items);
	return 0;
}

static uint32_t mount_kind(enum mount_kind kind)
{
	static const uint32_t kinds[] = {
		[MOUNT_BIND_HOST] = SPEC_MOUNT_BIND_HOST,
		[MOUNT_BIND_GRANT] = SPEC_MOUNT_BIND_GRANT,
		[MOUNT_MASK_FILE] = SPEC_MOUNT_MASK_FILE,
		[MOUNT_MASK_DIRECTORY] = SPEC_MOUNT_MASK_DIRECTORY,
		[MOUNT_DATA] = SPEC_MOUNT_DATA,
		[MOUNT_LINK] = SPEC_MOUNT_LINK,
		[MOUNT_TMPFS] = SPEC_MOUNT_TMPFS,
		[MOUNT_PROC] = SPEC_MOUNT_PROC,
		[MOUNT_DEV] = SPEC_MOUNT_DEV,
		[MOUNT_DEVICE] = SPEC_MOUNT_DEVICE,
	};

	return kinds[kind];
}

void spec_add_mounts(struct spec_writer *writer, const struct mount_list *mounts)
{
	for (size_t i = 0; i < mounts->len; i++) {
		const struct mount *mount = &mounts->items[i];
		struct spec_mount record = {.kind = mount_kind(mount->kind),
			.flags = mount->writable ? SPEC_MOUNT_WRITABLE : 0,
			.mode = mount->mode,
			.size = mount->size};
		bool named;

		if (mount->kind == MOUNT_CLOSED)
			continue;
		named = mount->kind == MOUNT_BIND_HOST || mount->kind == MOUNT_LINK ||
			mount->kind == MOUNT_DATA || mount->kind == MOUNT_DEVICE;

		if (mount->kind == MOUNT_BIND_GRANT)
			record.slot = SLOT_GRANT + (uint32_t)mount->grant;
		spec_add_mount(writer, &record, mount->path, named ? mount->source : NULL);
	}
}

static void write_root(struct spec_writer *writer, const struct mount_list *mounts)
{
	spec_add_string(writer, SPEC_HOSTNAME, WORKER_HOSTNAME);
	spec_add_mounts(writer, mounts);
}

static int write_monitor(struct spec_writer *writer, const struct ks_plan *plan, uint32_t kernel_id)
{
	int r = 0;

	if (plan->temporary)
		spec_add_temporary(
			writer, plan->temporary, plan->landlock.temporary, plan->temporary_named);
	else if (plan->kind != KS_BACKEND_NATIVE)
		r = write_helper(writer, plan);
	if (plan->kind == KS_BACKEND_NATIVE)
		write_root(writer, &plan->mounts);
	if (r < 0 || !plan->identity.drop)
		return r;
	spec_add_ids(writer, SPEC_KERNEL_IDS, kernel_id, kernel_id);
	for (size_t i = 0; i < plan->grants.len; i++) {
		const struct grant *grant = &plan->grants.items[i];

		if (plan_grant_mapped(plan, grant))
			spec_add_stage(writer, SLOT_GRANT + (int)i, grant->directory,
				grant->owner_uid, grant->owner_gid);
	}
	return 0;
}

int spec_of_arguments(const char *const *argv, int *ret_fd)
{
	autospec struct spec_writer writer;
	int r;

	spec_writer_init(&writer);
	spec_add_strings(&writer, SPEC_ARG, argv);
	r = spec_writer_seal(&writer, NULL);
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}

int spec_for_guest(const struct ks_plan *plan, const char *const *argv,
	const struct jail_stdio *stdio, int *ret_fd)
{
	autospec struct spec_writer writer;
	int r;

	spec_writer_init(&writer);
	write_program(&writer, plan, argv, 0);
	write_session(&writer, plan, &(struct spec_start){.stdio = stdio});
	write_limits(&writer, &plan->limits);
	write_landlock(&writer, &plan->landlock);
	write_root(&writer, &plan->mounts);
	if (plan->network == NETWORK_PROXY)
		write_network(&writer, plan->policy);
	r = write_filter(&writer, &plan->filter);
	if (r == 0)
		r = spec_writer_seal(&writer, NULL);
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}

int spec_from_plan(const struct ks_plan *plan, const struct spec_start *start, int *ret_fd)
{
	autospec struct spec_writer writer;
	int r;

	spec_writer_init(&writer);
	write_program(&writer, plan, (const char *const *)plan->argv.items, start->kernel_id);
	write_session(&writer, plan, start);
	if (start->n_extra)
		spec_add(&writer, SPEC_EXTRA, &start->n_extra, sizeof(start->n_extra));
	if (plan->network == NETWORK_PROXY)
		write_network(&writer, plan->policy);
	write_limits(&writer, &plan->limits);
	write_verify(&writer, plan);
	write_landlock(&writer, &plan->landlock);
	r = write_filter(&writer, &plan->filter);
	if (r == 0)
		r = write_monitor(&writer, plan, start->kernel_id);
	if (r == 0)
		r = spec_writer_seal(&writer, NULL);
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}
