/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of syscalls.def, host.def, egress.def, files.def and machine.def as data. */
#include "linux/seccomp/table.h"

enum { NONE = -1 };

#define SPLIT(name, x86_64, aarch64, strict, net_client, reason) \
	{#name, {x86_64, aarch64}, {ACTION_##strict, ACTION_##net_client}, reason},
#define CALL(name, x86_64, aarch64, action, reason) \
	SPLIT(name, x86_64, aarch64, action, action, reason)

static const struct seccomp_row rows[] = {
#include "linux/seccomp/syscalls.def"
};

const struct seccomp_row *seccomp_table(size_t *ret_count)
{
	*ret_count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

#define HOST(name, scoped, unscoped, reason) {#name, {ACTION_##unscoped, ACTION_##scoped}, reason},
#define BOTH(name, action, reason) HOST(name, action, action, reason)

static const struct seccomp_host_row host_rows[] = {
#include "linux/seccomp/host.def"
};

const struct seccomp_host_row *seccomp_host_table(size_t *ret_count)
{
	*ret_count = sizeof(host_rows) / sizeof(host_rows[0]);
	return host_rows;
}

#define EGRESS(name, proxy, resolver, reason) {#name, {ACTION_##proxy, ACTION_##resolver}, reason},

static const struct seccomp_host_row egress_rows[] = {
#include "linux/seccomp/egress.def"
};

const struct seccomp_host_row *seccomp_egress_table(size_t *ret_count)
{
	*ret_count = sizeof(egress_rows) / sizeof(egress_rows[0]);
	return egress_rows;
}

#define FILES(name, action, reason) {#name, {ACTION_##action, ACTION_##action}, reason},

static const struct seccomp_host_row files_rows[] = {
#include "linux/seccomp/files.def"
};

const struct seccomp_host_row *seccomp_files_table(size_t *ret_count)
{
	*ret_count = sizeof(files_rows) / sizeof(files_rows[0]);
	return files_rows;
}

#define MACHINE(name, without, with, reason) {#name, {ACTION_##without, ACTION_##with}, reason},

static const struct seccomp_host_row machine_rows[] = {
#include "linux/seccomp/machine.def"
};

const struct seccomp_host_row *seccomp_machine_table(size_t *ret_count)
{
	*ret_count = sizeof(machine_rows) / sizeof(machine_rows[0]);
	return machine_rows;
}
