/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/host_facts.h"

#include "resolve/host.h"

#define FACT(member, fact_type)                               \
	{                                                     \
#member, fact_type, offsetof(FACT_OF, member) \
	}

#define FACT_OF struct ks_host
const struct fact host_facts[] = {
	FACT(tried, FACT_BOOL),
	FACT(os, FACT_TEXT),
	FACT(distribution, FACT_TEXT),
	FACT(machine, FACT_TEXT),
	FACT(kernel, FACT_TEXT),
	FACT(uid, FACT_U32),
	FACT(gid, FACT_U32),
	FACT(privileged, FACT_BOOL),
	FACT(set_ids, FACT_BOOL),
	FACT(userns, FACT_USERNS),
	FACT(userns_errno, FACT_INT),
	FACT(userns_step, FACT_TEXT),
	FACT(landlock_abi, FACT_INT),
	FACT(landlock_errno, FACT_INT),
	FACT(seccomp, FACT_BOOL),
	FACT(seccomp_notify, FACT_BOOL),
	FACT(idmap, FACT_BOOL),
	FACT(processors, FACT_U32),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

#define FACT_OF struct host_bwrap
static const struct fact bwrap_facts[] = {
	FACT(path, FACT_TEXT),
	FACT(version, FACT_TEXT),
	FACT(setuid, FACT_BOOL),
	FACT(works, FACT_BOOL),
	FACT(bind_fd, FACT_BOOL),
	FACT(disable_userns, FACT_BOOL),
	FACT(size, FACT_BOOL),
	FACT(reason, FACT_TEXT),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

#define FACT_OF struct host_trial
static const struct fact trial_facts[] = {
	FACT(works, FACT_BOOL),
	FACT(reason, FACT_TEXT),
	FACT(remedy, FACT_TEXT),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

#define FACT_OF struct host_cgroup
static const struct fact cgroup_facts[] = {
	FACT(manager, FACT_MANAGER),
	FACT(v1_memory, FACT_TEXT),
	FACT(v1_pids, FACT_TEXT),
	FACT(v1_cpu, FACT_TEXT),
	FACT(v1_cpuacct, FACT_TEXT),
	FACT(v2_base, FACT_TEXT),
	FACT(scope_system, FACT_BOOL),
	FACT(memory, FACT_BOOL),
	FACT(swap, FACT_BOOL),
	FACT(tasks, FACT_BOOL),
	FACT(cpu_quota, FACT_BOOL),
	FACT(cpu_time, FACT_BOOL),
	FACT(reason, FACT_TEXT),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

#define FACT_OF struct host_vm
static const struct fact vm_facts[] = {
	FACT(qemu, FACT_TEXT),
	FACT(qemu_version, FACT_TEXT),
	FACT(qemu_sha256, FACT_TEXT),
	FACT(firmware, FACT_TEXT),
	FACT(firmware_sha256, FACT_TEXT),
	FACT(firecracker, FACT_TEXT),
	FACT(firecracker_static, FACT_BOOL),
	FACT(firecracker_version, FACT_TEXT),
	FACT(firecracker_sha256, FACT_TEXT),
	FACT(kernel, FACT_TEXT),
	FACT(kernel_release, FACT_TEXT),
	FACT(kernel_sha256, FACT_TEXT),
	FACT(kernel_reason, FACT_TEXT),
	FACT(modules, FACT_TEXT),
	FACT(shown, FACT_TEXT),
	FACT(kvm, FACT_BOOL),
	FACT(kvm_reason, FACT_TEXT),
	FACT(tsc_khz, FACT_U32),
	FACT(templates, FACT_BOOL),
	FACT(templates_reason, FACT_TEXT),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

#define FACT_OF struct host_macos
static const struct fact macos_facts[] = {
	FACT(version, FACT_VERSION),
	FACT(sandbox_exec, FACT_BOOL),
	FACT(sandboxed, FACT_BOOL),
	FACT(sandbox_reason, FACT_TEXT),
	FACT(container, FACT_TEXT),
	FACT(container_version, FACT_VERSION),
	FACT(container_runs, FACT_BOOL),
	{NULL, FACT_TEXT, 0},
};
#undef FACT_OF

const struct fact_section fact_sections[] = {
	{"bwrap", bwrap_facts, offsetof(struct ks_host, bwrap), NULL},
	{"native", trial_facts, offsetof(struct ks_host, native), NULL},
	{"egress", trial_facts, offsetof(struct ks_host, egress), NULL},
	{"cgroup", cgroup_facts, offsetof(struct ks_host, cgroup), NULL},
	{"vm", vm_facts, offsetof(struct ks_host, vm), "linux"},
	{"macos", macos_facts, offsetof(struct ks_host, macos), "macos"},
};

const size_t n_fact_sections = sizeof(fact_sections) / sizeof(fact_sections[0]);
