/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory a proxy may take, by what its policy or its pool allows. */
#ifndef KS_EGRESS_NETWORK_MEMORY_H
#define KS_EGRESS_NETWORK_MEMORY_H

#include "egress/control.h"
#include "policy/policy.h"
#include "resolve/host.h"

uint64_t network_memory_of(const struct policy_egress *egress);
uint64_t network_memory_of_pool(const struct egress_pool_config *pool);

/* Of the host's groups what counts memory: a proxy has one thread and as many more as its resolver,
 * and no way to make others. */
struct host_cgroup network_memory_alone(const struct host_cgroup *host);

#endif
