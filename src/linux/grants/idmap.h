/* SPDX-License-Identifier: Apache-2.0 */
/* Which file systems can be mounted with mapped ids, found by doing. */
#ifndef KS_LINUX_GRANTS_IDMAP_H
#define KS_LINUX_GRANTS_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the file system of the object in fd takes an idmapped mount, as this caller. The answer
 * is kept for the device. Thread-safe. */
bool idmap_works(int fd, dev_t device);

#endif
