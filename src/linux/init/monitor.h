/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_MONITOR_H
#define KS_LINUX_INIT_MONITOR_H

/* The monitor's whole life; returns its exit status. role is its argument as it was given, for a
 * child that becomes init to write over. */
int monitor_main(char *role);

#endif
