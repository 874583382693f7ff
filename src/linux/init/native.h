/* SPDX-License-Identifier: Apache-2.0 */
/* A jail without a helper: the monitor's child makes it from within and becomes its init. */
#ifndef KS_LINUX_INIT_NATIVE_H
#define KS_LINUX_INIT_NATIVE_H

#include <sys/types.h>

#include "linux/init/spec_read.h"

struct native {
	char *role; /* in: the argument that says what this process is */
	int monitor_fds[3]; /* in: what the child must not keep */
	pid_t pid; /* 0: there is no child */
	int report; /* the monitor's end of what the child reports; -1: there is none */
};

/* Clones the jail's first process into namespaces of its own. It says over the report (a
 * SOCK_SEQPACKET) CONTROL_FAILED; the end of it without that means that the jail is made. On
 * failure there may be a child nevertheless, which has been told to end. */
int native_start(
	struct spec *spec, unsigned n_grants, struct native *native, struct failure *failure);

#endif
