/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_MACHINE_CONFINE_H
#define KS_VM_MACHINE_CONFINE_H

#include <stdbool.h>

#include "linux/init/failure.h"

/* Once the emulator runs and every descriptor is open, only these are of use any more: to read, to
 * write, to wait, to end the emulator and oneself; and, where it accepts, to take in a connection
 * of the guest's. Any other call ends the process. */
int confine(bool accepts, struct failure *failure);

#endif
