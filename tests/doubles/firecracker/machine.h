/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_TESTS_FIRECRACKER_MACHINE_H
#define KS_TESTS_FIRECRACKER_MACHINE_H

#include <sys/types.h>

struct machine {
	const char *kernel;
	const char *initrd; /* NULL: none */
	const char *words; /* for the kernel */
	long long memory_mib;
	int vsock; /* QEMU's end of the back end */
};

/* Starts the QEMU that lies in our own file behind the program (see "assemble"), so that no other
 * file is needed than those that any emulator is shown. -1 with a line on stderr. */
pid_t machine_start(const struct machine *machine);

#endif
