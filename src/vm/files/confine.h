/* SPDX-License-Identifier: Apache-2.0 */
/* The server reads what a hostile kernel wrote. Besides the jail around it, it holds itself:
 * whoever takes it over can do to the tree what the guest could ask for, and nothing else. */
#ifndef KS_VM_FILES_CONFINE_H
#define KS_VM_FILES_CONFINE_H

#include <stdint.h>

/* No new privilege, no capability, no core, nobody looks into its memory, memory bounded; nothing
 * open but the socket and standard error. *ret_descriptors: how many it may have. 0 or -errno. */
int confine_start(uint64_t *ret_descriptors);

/* The filter of files.def: no program, process, socket, signal or code. 0 or -errno. */
int confine_calls(void);

#endif
