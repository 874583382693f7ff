/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_MACHINE_CONFINE_H
#define KS_VM_MACHINE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "linux/init/failure.h"

/* Once the emulator runs and every descriptor is open, only these are of use any more: to read, to
 * write, to wait, to end the emulator and oneself; and, where it accepts, to take in a connection
 * of the guest's. Any other call ends the process. With connections, so many descriptors more and
 * what TCP and UDP take: to make a socket of the two families, to connect it, and the few options
 * that carry an end or a reset. */
int confine(bool accepts, uint32_t connections, struct failure *failure);

/* For the emulator in a jail that has a network for our sake: it makes no socket, as it has its own
 * from us, or local ones alone, over which a guest with a vsock comes. 0 or an errno. */
int confine_sockets(bool local);

#endif
