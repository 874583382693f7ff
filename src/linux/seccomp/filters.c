/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up programs, names and rows. */
#include <string.h>

#include "linux/seccomp/programs.h"
#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"

/* MACHINE_COUNT for a machine that has no filters. */
static enum seccomp_machine machine_of(const char *name)
{
	if (strcmp(name, "x86_64") == 0)
		return MACHINE_X86_64;
	if (strcmp(name, "aarch64") == 0)
		return MACHINE_AARCH64;
	return MACHINE_COUNT;
}

const struct seccomp_program *seccomp_program_for(
	enum ks_profile profile, const char *machine, bool notify)
{
	enum seccomp_machine index = machine_of(machine);

	if (index == MACHINE_COUNT || (unsigned)profile >= SECCOMP_PROFILES)
		return NULL;
	return &seccomp_programs[index][profile][notify];
}

const struct seccomp_program *seccomp_host_program_for(
	const char *machine, bool scoped, bool notify)
{
	enum seccomp_machine index = machine_of(machine);

	return index == MACHINE_COUNT ? NULL : &seccomp_host_programs[index][scoped][notify];
}

const struct seccomp_program *seccomp_machine_program_for(
	const char *machine, bool network, bool notify)
{
	enum seccomp_machine index = machine_of(machine);

	return index == MACHINE_COUNT ? NULL : &seccomp_machine_programs[index][network][notify];
}

const char *seccomp_syscall_name(const char *machine, int nr)
{
	enum seccomp_machine index = machine_of(machine);
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	if (index == MACHINE_COUNT || nr < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].numbers[index] == nr)
			return rows[i].name;
	}
	return NULL;
}

bool seccomp_call_at(size_t index, struct seccomp_call *ret_call)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);
	const struct seccomp_row *row;

	if (index >= count)
		return false;
	row = &rows[index];
	*ret_call = (struct seccomp_call){
		.name = row->name,
		.x86_64 = row->numbers[MACHINE_X86_64],
		.aarch64 = row->numbers[MACHINE_AARCH64],
		.strict = seccomp_rule_of(row->actions[KS_PROFILE_WORKER_STRICT])->text,
		.net_client = seccomp_rule_of(row->actions[KS_PROFILE_WORKER_NET_CLIENT])->text,
		.reason = row->reason,
	};
	return true;
}
