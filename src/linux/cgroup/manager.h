/* SPDX-License-Identifier: Apache-2.0 */
/* The part of systemd's manager interface that a scope needs. */
#ifndef KS_LINUX_CGROUP_MANAGER_H
#define KS_LINUX_CGROUP_MANAGER_H

#include <stdbool.h>
#include <sys/types.h>

#include <kastellan/error.h>

struct manager;

/* Connects to the system's or the user's manager. -ECONNREFUSED where none answers (or there is no
 * libsystemd), -ETIMEDOUT; *reterr says which. All calls on it together have 25 seconds. */
int manager_connect(bool system, struct manager **ret_manager, ks_error **reterr);
void manager_close(struct manager *manager); /* NULL is allowed */

/* Starts a scope with one process in it and waits until it is active. *ret_group: its group's path
 * in the hierarchy, the caller's to free. */
int manager_start_scope(struct manager *manager, const char *unit, pid_t member, char **ret_group,
	ks_error **reterr);

/* Has the manager move a process into a sub-group ("/name") of the scope: into it, a user's process
 * cannot be moved from outside by the user. */
int manager_attach(struct manager *manager, const char *unit, const char *subgroup, pid_t pid,
	ks_error **reterr);

#endif
