/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_PID1_H
#define KS_LINUX_INIT_PID1_H

/* The whole life of the jail's first process; returns its exit status. */
int pid1_main(void);

#endif
