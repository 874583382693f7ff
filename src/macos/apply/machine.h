/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a virtual machine, by the program container. */
#ifndef KS_MACOS_APPLY_MACHINE_H
#define KS_MACOS_APPLY_MACHINE_H

/* Ends and removes the machine of that name, whatever it does. 0, also where there is none; -EBUSY
 * where it may be there still; or -ENOMEM. */
int machine_remove(const char *program, const char *name);

#endif
