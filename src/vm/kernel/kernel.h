/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend with machines looks at before it plans, and opens before it starts one. */
#ifndef KS_VM_KERNEL_KERNEL_H
#define KS_VM_KERNEL_KERNEL_H

#include "plan/plan.h"

/* Hashes of emulator, firmware and kernel, and the rate of the time stamp counter (about 2 ms, and
 * what hashing takes where nothing is remembered). What cannot be read has no hash here, and is
 * found missing at the start. 0 or -ENOMEM. */
int vm_look(const struct ks_host *host, struct vm_look *ret, ks_error **reterr);

/* Opens a file that has to be the planned one. 0, or -errno: -ESTALE where it is another. */
int vm_open_pinned(
	const char *path, const char *pin, const char *what, int *ret_fd, ks_error **reterr);

/* The kernel to boot: unpacked, from the cache or put there; else the image as it is, which boots
 * too, later, but not on Firecracker. As vm_open_pinned(). */
int vm_open_kernel(const struct vm_plan *vm, int *ret_fd, ks_error **reterr);

#endif
