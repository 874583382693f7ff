/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_MACHINE_FIRECRACKER_EXIT_H
#define KS_VM_MACHINE_FIRECRACKER_EXIT_H

/* What one of Firecracker's exit codes says, in words, and the errno that it is nearest to; NULL
 * for a number that it does not use. */
const char *firecracker_exit(int status, int *ret_errno);

#endif
