/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_JAIL_ROOT_BUILD_H
#define KS_LINUX_JAIL_ROOT_BUILD_H

#include <stddef.h>

#include "linux/jail/spec_write.h"

/* The next SPEC_MOUNT that has been written, or NULL. *cursor begins with 0. */
struct spec_mount *root_next_mount(const struct spec_writer *mounts, size_t *cursor);

/* Makes the shared part of a root from SPEC_MOUNT records whose slots are descriptors of this
 * process. Returns a detached mount, close-on-exec, or -errno. */
int root_build_shared(const struct spec_writer *mounts);

#endif
