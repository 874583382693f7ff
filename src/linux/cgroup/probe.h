/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of cgroup_probe(). */
#ifndef KS_LINUX_CGROUP_PROBE_H
#define KS_LINUX_CGROUP_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <kastellan/error.h>

#include "resolve/host.h"

/* Makes a group with the controllers (CONTROLLER_*) at the candidate's places, sets limits, lets a
 * process join and removes it. */
int cgroup_probe_try(const struct host_cgroup *candidate, unsigned controllers, ks_error **reterr);

/* Finds out which controllers work at the candidate's places and stores them in it, with the
 * reason where not all do. Returns the controllers, or -ENOMEM. */
int cgroup_probe_features(struct host_cgroup *candidate);

/* Which controllers work; the first reason why one does not (a copy). */
void cgroup_facts_set(struct host_cgroup *facts, unsigned controllers);
void cgroup_facts_explain(struct host_cgroup *facts, const char *reason);
void cgroup_facts_done(struct host_cgroup *facts);

/* Version 2 (delegated.c): the directory below which this caller may make groups without
 * getting into somebody's way, or NULL with the reason. 0 or -ENOMEM. */
int cgroup_find_delegated(
	const char *mount, const char *own, bool systemd, char **ret_base, char **ret_reason);

#endif
