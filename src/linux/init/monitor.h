/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_MONITOR_H
#define KS_LINUX_INIT_MONITOR_H

/* The monitor's whole life; returns its exit status. role is its argument as it was given, for a
 * child that becomes init to write over. */
int monitor_main(char *role);

/* The life of one that has no jail: it removes the groups that it is told of once its supervisor is
 * gone, and ends what is in them. */
int monitor_groups_main(void);

#endif
