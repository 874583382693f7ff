/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_LIMITS_H
#define KS_LINUX_INIT_LIMITS_H

#include "linux/init/spec_read.h"

/* Sets the resource limits of the calling process, in the spec's order, and reads them back. */
int limits_set(const struct spec *spec, struct failure *failure);

#endif
