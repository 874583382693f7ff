/* SPDX-License-Identifier: Apache-2.0 */
/* The generated programs; generate.c writes their definition. */
#ifndef KS_LINUX_SECCOMP_PROGRAMS_H
#define KS_LINUX_SECCOMP_PROGRAMS_H

#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"

/* By machine, profile, and 1 for the variant with a listener. */
extern const struct seccomp_program seccomp_programs[MACHINE_COUNT][SECCOMP_PROFILES][2];

/* For workers without namespaces: by machine, 1 where Landlock holds signals, and as above. */
extern const struct seccomp_program seccomp_host_programs[MACHINE_COUNT][2][2];

/* For the jail around an emulator with sockets of its own: by machine, 1 with a network, and as
 * above. */
extern const struct seccomp_program seccomp_machine_programs[MACHINE_COUNT][2][2];

/* Of the egress proxy: by machine, and 1 for its resolver. In a file of their own, as nobody else
 * has use for them. */
extern const struct seccomp_program seccomp_egress_programs[MACHINE_COUNT][2];

/* Of a micro-VM's file server, in a file of their own as well. */
extern const struct seccomp_program seccomp_files_programs[MACHINE_COUNT];

#endif
