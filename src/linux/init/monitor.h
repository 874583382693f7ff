/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_MONITOR_H
#define KS_LINUX_INIT_MONITOR_H

/* The monitor's whole life; returns its exit status. */
int monitor_main(void);

#endif
