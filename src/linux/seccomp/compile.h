/* SPDX-License-Identifier: Apache-2.0 */
/* From the table to a BPF program. Pure; used by the build (generate.c) and by the tests. */
#ifndef KS_LINUX_SECCOMP_COMPILE_H
#define KS_LINUX_SECCOMP_COMPILE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include <kastellan/policy.h>

#include "linux/seccomp/table.h"

/* The kernel's BPF_MAXINSNS. */
#define SECCOMP_MAX_INSTRUCTIONS 4096

/* Writes the program of a profile for a machine; notify as in seccomp_filters.h. Returns the number
 * of instructions, or -E2BIG where room does not suffice, -EINVAL for a table that is not sound
 * (a number out of range or given twice). */
int seccomp_compile(enum seccomp_machine machine, enum ks_profile profile, bool notify,
	struct sock_filter *code, size_t room);

/* The same for a worker without namespaces; scoped: Landlock holds signals. */
int seccomp_compile_host(enum seccomp_machine machine, bool scoped, bool notify,
	struct sock_filter *code, size_t room);

/* The same for the jail around an emulator with sockets of its own (machine.def); network: of a
 * worker with an allowlist. */
int seccomp_compile_machine(enum seccomp_machine machine, bool network, bool notify,
	struct sock_filter *code, size_t room);

/* That of the egress proxy, or of its resolver (egress.def). */
int seccomp_compile_egress(
	enum seccomp_machine machine, bool resolver, struct sock_filter *code, size_t room);

/* That of a micro-VM's file server (files.def). */
int seccomp_compile_files(enum seccomp_machine machine, struct sock_filter *code, size_t room);

#endif
