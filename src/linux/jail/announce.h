/* SPDX-License-Identifier: Apache-2.0 */
/* What kastellan-init is told of control groups outside of a jail. */
#ifndef KS_LINUX_JAIL_ANNOUNCE_H
#define KS_LINUX_JAIL_ANNOUNCE_H

#include "linux/cgroup/cgroup.h"

/* Tells it by its socket which directories to remove, should it be left alone with them: those that
 * the group has or will have, as far as they are known. 0 or -errno (-EPIPE: it is gone). */
int announce_group(int socket, const struct cgroup *group);

#endif
