/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_STAGE_H
#define KS_LINUX_INIT_STAGE_H

#include "linux/init/spec_read.h"

/* Turns every grant's descriptor into one of a detached mount, a copy of what it was opened on,
 * with all that is mounted in it: without set-id programs and devices, read-only where SPEC_MOUNT
 * does not say otherwise, with mapped ids where SPEC_STAGE says so. Needs CAP_SYS_ADMIN. */
int stage_clone_grants(const struct spec *spec, unsigned n_grants, struct failure *failure);

/* Turns every grant's descriptor into one of a private mount below a tmpfs over /tmp, in a mount
 * namespace of this process's own, with mapped ids where SPEC_STAGE says so. Needs
 * CAP_SYS_ADMIN. */
int stage_grants(const struct spec *spec, unsigned n_grants, struct failure *failure);

#endif
