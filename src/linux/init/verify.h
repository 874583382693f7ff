/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_VERIFY_H
#define KS_LINUX_INIT_VERIFY_H

#include "linux/init/spec_read.h"

/* Whether the jail is the one that was planned: its ids, and the object behind each grant. Also
 * whether the spec says all that the worker needs. Changes nothing. */
int verify_jail(const struct spec *spec, struct failure *failure);

/* Whether stdio, where it is not to come later, and every further descriptor that was announced are
 * there. 0 or -errno. */
int verify_descriptors(const struct spec *spec, struct failure *failure);

#endif
