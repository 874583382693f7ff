/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the probe, one a layer. Each fills its own facts; what the host lacks is a fact.
 * All return 0 or -ENOMEM where they return anything. */
#ifndef KS_LINUX_PROBE_PARTS_H
#define KS_LINUX_PROBE_PARTS_H

#include <stdbool.h>

#include "plan/plan.h"
#include "resolve/host.h"

int probe_system(struct ks_host *host); /* machine, kernel, processors, ids, privileges */
int probe_distribution(struct ks_host *host);
int probe_paths(struct ks_host *host);
void probe_landlock(struct ks_host *host);
void probe_seccomp(struct ks_host *host);
void probe_idmap(struct ks_host *host, bool tried);

/* The file and its features, without starting it where it can be read. */
int probe_bwrap(struct ks_host *host);
/* By starting it: version, features, and a jail. */
int probe_bwrap_try(struct ks_host *host);

/* By making a jail without a helper, in which nothing is executed. */
int probe_native_try(struct ks_host *host);
/* By making one whose network leads to the egress proxy, with a backend that works. */
int probe_egress_try(struct ks_host *host);

/* What machines could be made of; by asking the programs for their versions. */
int probe_vm(struct ks_host *host);
int probe_vm_try(struct ks_host *host);

/* Makes a jail with the planner of its backend, for a policy with that endpoint or with none. */
typedef int probe_planner(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);
int probe_jail(const struct ks_host *host, probe_planner *planner, const char *endpoint,
	ks_error **reterr);

/* By making all namespaces in a child, as the user that a jail's helper would be. */
int probe_userns(struct ks_host *host);

/* What came of it: r is what probe_jail() returned, and the error is freed. 0 or -ENOMEM. */
int probe_note(struct host_trial *trial, int r, ks_error *error);

#endif
