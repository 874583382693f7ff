/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_PID1_H
#define KS_LINUX_INIT_PID1_H

/* What init knows of its surroundings where it is no first process of a namespace. */
struct pid1_host {
	int monitor; /* hangs up when the monitor is gone */
	unsigned n_grants; /* descriptors from SLOT_GRANT on, which are ruled in */
};

/* The whole life of the jail's first process; returns its exit status. host: NULL in a pid
 * namespace. */
int pid1_main(const struct pid1_host *host);

#endif
