/* SPDX-License-Identifier: Apache-2.0 */
/* Who the worker is: user 1000 to itself; to the kernel the caller, or, where the caller may give
 * ids away, somebody who owns nothing on the host. */
#include "linux/plan/parts.h"

bool plan_grant_mapped(const struct ks_plan *plan, const struct grant *grant)
{
	return plan->identity.idmap && grant->idmap;
}

void plan_identity(struct ks_plan *plan, const struct ks_host *host)
{
	plan->identity = (struct identity_plan){
		.uid = WORKER_UID,
		.gid = WORKER_GID,
		.drop = host->privileged,
	};
	for (size_t i = 0; i < plan->grants.len; i++)
		if (host->privileged && host->idmap && plan->grants.items[i].idmap)
			plan->identity.idmap = true;
}
