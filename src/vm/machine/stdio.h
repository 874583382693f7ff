/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_MACHINE_STDIO_H
#define KS_VM_MACHINE_STDIO_H

#include "vm/channel/endpoint.h"

/* The worker's stdio as it was inherited: 0, 1 or 2. A pipe is opened again where it lets us, so
 * that its new description can be non-blocking without changing the caller's; the old one is then
 * closed. Closed descriptors stay so. */
struct endpoint stdio_open(int fd);

#endif
