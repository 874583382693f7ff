/* SPDX-License-Identifier: Apache-2.0 */
/* The system-call filters: made when kastellan is built (generate.c) from one table (syscalls.def)
 * and one list of argument rules (rules.c); at a spawn they are only looked up.
 *
 * Each filter exists twice. For calls that are never legitimate one returns SECCOMP_RET_USER_NOTIF:
 * the listener, pid 1 of the jail, notes the number and kills; it must never let the call continue.
 * The other returns SECCOMP_RET_KILL_PROCESS, for where no listener can be had. Calls of another
 * ABI (i386, x32, 32-bit Arm) are SECCOMP_RET_KILL_PROCESS in both. */
#ifndef KS_LINUX_SECCOMP_FILTERS_H
#define KS_LINUX_SECCOMP_FILTERS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include <kastellan/policy.h>

struct seccomp_program {
	const struct sock_filter *filter;
	unsigned short len;
};

/* machine is what uname(2) calls it: "x86_64" or "aarch64". NULL for any other, and for a profile
 * that does not exist. */
const struct seccomp_program *seccomp_program_for(
	enum ks_profile profile, const char *machine, bool notify);

/* For a worker without namespaces (host.def), under either profile. scoped: Landlock holds signals.
 * The variant with a listener also hands over calls that it has to answer, which
 * the other one refuses. */
const struct seccomp_program *seccomp_host_program_for(
	const char *machine, bool scoped, bool notify);

/* For the jail around an emulator that has sockets of its own (machine.def); network: the worker
 * has an allowlist. */
const struct seccomp_program *seccomp_machine_program_for(
	const char *machine, bool network, bool notify);

/* The name of a call, or NULL. */
const char *seccomp_syscall_name(const char *machine, int nr);

/* The table in words, for documentation. Numbers are -1 where the machine lacks the call. */
struct seccomp_call {
	const char *name;
	int x86_64;
	int aarch64;
	const char *strict; /* what WorkerStrict answers: "allowed", "EPERM", ... */
	const char *net_client; /* the same for WorkerNetClient */
	const char *reason;
};

/* Fills *ret_call and returns true, or returns false past the end. */
bool seccomp_call_at(size_t index, struct seccomp_call *ret_call);

#endif
