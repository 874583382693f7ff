/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's side of a plan: what is inside is planned as for Native, for a host with the kernel
 * of the guest. What its tree is made of stays the host's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "linux/plan/parts.h"
#include "vm/plan/parts.h"

#define MIB (UINT64_C(1024) * 1024)

/* The kernel in which each ABI of Landlock came. */
static int landlock_of(const char *release)
{
	static const struct {
		unsigned long major, minor;
	} abis[] = {{5, 13}, {5, 19}, {6, 2}, {6, 7}, {6, 10}, {6, 12}};
	unsigned long major, minor;
	char *rest;
	int abi = 0;

	if (!release)
		return 0;
	major = strtoul(release, &rest, 10);
	minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	for (size_t i = 0; i < sizeof(abis) / sizeof(abis[0]); i++)
		if (major > abis[i].major || (major == abis[i].major && minor >= abis[i].minor))
			abi = (int)i + 1;
	return abi;
}

void vm_guest_facts(const struct ks_host *host, struct ks_host *ret_guest)
{
	*ret_guest = *host;
	ret_guest->landlock_abi = landlock_of(host->vm.kernel_release);
	ret_guest->landlock_errno = 0;
	ret_guest->seccomp = ret_guest->seccomp_notify = true;
	ret_guest->processors = GUEST_PROCESSORS;
	/* Its init has it to itself. */
	ret_guest->cgroup = (struct host_cgroup){.manager = CGROUP_V2,
		.memory = true,
		.swap = true,
		.tasks = true,
		.cpu_quota = true,
		.cpu_time = true};
}

static int copy(char **slot, const char *text)
{
	*slot = text ? strdup(text) : NULL;
	return text && !*slot ? -ENOMEM : 0;
}

static void copy_pin(char pin[SHA256_TEXT], const char *text)
{
	snprintf(pin, SHA256_TEXT, "%s", text ? text : "");
}

static int take_parts(struct vm_plan *vm, const struct plan_request *request)
{
	const struct host_vm *facts = &request->host->vm;
	int r = copy(&vm->kernel, facts->kernel);

	if (r == 0)
		r = copy(&vm->modules, facts->modules);
	if (r == 0)
		r = copy(&vm->release, facts->kernel_release);
	if (r == 0)
		r = copy(&vm->kvm_reason, facts->kvm_reason);
	if (r == 0)
		r = copy(&vm->templates_reason, facts->templates_reason);
	vm->kvm = facts->kvm;
	vm->templates = facts->templates;
	vm->host_landlock = request->host->landlock_abi;
	if (request->look) {
		vm->pins = *request->look;
		return r;
	}
	copy_pin(vm->pins.qemu, facts->qemu_sha256);
	copy_pin(vm->pins.firmware, facts->firmware_sha256);
	copy_pin(vm->pins.firecracker, facts->firecracker_sha256);
	copy_pin(vm->pins.kernel, facts->kernel_sha256);
	vm->pins.tsc_khz = facts->tsc_khz;
	return r;
}

/* Both ends of the channel keep what a connection's other side does not take. */
static uint64_t network_mb(const struct ks_plan *plan)
{
	return ((uint64_t)plan->vm.connections * CONNECTION_KB + 1023) / 1024;
}

/* One processor is all that the guest has. */
static void size_machine(struct ks_plan *plan, const struct ks_host *host)
{
	uint64_t mem = plan->policy->mem_mb ? plan->policy->mem_mb : GUEST_UNLIMITED_MB;
	struct limits_plan *limits = &plan->limits;

	plan->vm.guest_bytes = (mem + GUEST_OVERHEAD_MB + network_mb(plan)) * MIB;
	plan->vm.host_bytes = plan->vm.guest_bytes + (HOST_OVERHEAD_MB + network_mb(plan)) * MIB;
	plan->vm.quota_pct = host->cgroup.cpu_quota ? limits->cpu_quota_pct : UINT64_MAX;
	if (limits->cpu_quota_pct > (uint64_t)100 * GUEST_PROCESSORS)
		limits->cpu_quota_pct = (uint64_t)100 * GUEST_PROCESSORS;
	/* The budget is watched from outside, where the time of the whole machine can be read. */
	if (!host->cgroup.cpu_time)
		limits->cpu_budget_usec = UINT64_MAX;
}

/* The worker's connections are carried over the channel, to where the machine's jail has the very
 * network that any jail with an allowlist has. Of the host's own network nothing leads into a
 * machine: the receipt says so. */
static void plan_guest_network(struct ks_plan *plan)
{
	plan_network(plan);
	if (plan->network == NETWORK_PROXY)
		plan->vm.connections = (uint32_t)plan->policy->egress.connections;
	else
		plan->network = NETWORK_NONE;
}

int vm_plan_guest(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	struct ks_host guest;
	int r;

	vm_guest_facts(request->host, &guest);
	if (take_parts(&plan->vm, request) < 0)
		return error_oom(reterr);
	plan_guest_network(plan);
	plan_identity(plan, request->host);
	plan_filter(plan, &guest);
	plan_limits(plan, &guest);
	size_machine(plan, request->host);
	r = plan_mounts(plan, request->host, reterr);
	if (r == 0)
		r = plan_cwd(plan, request, reterr);
	if (r < 0)
		return r;
	return plan_landlock(plan, &guest) < 0 || vm_receipt(plan, request->host) < 0
		       ? error_oom(reterr)
		       : 0;
}
