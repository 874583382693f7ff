/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/network_memory.h"

#define KIB ((uint64_t)1024)
#define BASE                                                                                      \
	((uint64_t)64 * 1024 * KIB) /* two programs with their libraries, and pipes that are full \
				     */
/* Its struct, two sockets of the kernel's, and the least that each buffers under pressure. */
#define FOR_CONNECTION ((uint64_t)64 * KIB)
#define FOR_NAME ((uint64_t)512)
/* A worker's list, what waits for the reader of its audit, what it was denied, and the answers to
 * its names. */
#define FOR_TENANT ((uint64_t)1280 * KIB)

uint64_t network_memory_of(const struct policy_egress *egress)
{
	return BASE + egress->connections * FOR_CONNECTION + egress->names * FOR_NAME;
}

uint64_t network_memory_of_pool(const struct egress_pool_config *pool)
{
	return BASE + pool->connections * FOR_CONNECTION + pool->names * FOR_NAME +
	       pool->tenants * FOR_TENANT;
}

struct host_cgroup network_memory_alone(const struct host_cgroup *host)
{
	struct host_cgroup alone = *host;

	alone.tasks = alone.cpu_quota = alone.cpu_time = false;
	return alone;
}
