/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_PID1_H
#define KS_LINUX_INIT_PID1_H

#include "linux/init/spec_read.h"

/* What init knows of its surroundings where it is no first process of a namespace. */
struct pid1_host {
	int monitor; /* hangs up when the monitor is gone */
	unsigned n_grants; /* descriptors from SLOT_GRANT on, which are ruled in */
};

/* The whole life of the jail's first process; returns its exit status. spec: what a parent has read
 * before it became this process; NULL: it is read from its slot. host: NULL in a pid namespace. */
int pid1_main(struct spec *spec, const struct pid1_host *host);

/* The same in a guest, whose every word is judged by its order: none is left out. */
int pid1_in_guest(void);

#endif
