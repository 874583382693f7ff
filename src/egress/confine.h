/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy is a worker itself: it reads what a hostile program wrote, and has the network. After
 * these calls it can do what it has to and nothing else: no program, no file but what a resolver
 * needs (that one alone), no signal to anybody, no descriptor that was not meant for it, no new
 * privilege, no core file, and it ends when its owner does. */
#ifndef KS_EGRESS_CONFINE_H
#define KS_EGRESS_CONFINE_H

#include <stddef.h>
#include <stdint.h>

struct complaint {
	int code; /* errno */
	const char *step; /* static: "landlock" */
	const char *detail; /* static */
};

/* The first thing in main(): dies with the parent, no core, not dumpable, no capability that ids do
 * not need, everything but 0 to EGRESS_SLOT_JAIL closed. 0 or -errno. */
int confine_start(struct complaint *complaint);

/* Gives up the ids for those, and every group. */
int confine_ids(uint32_t uid, uint32_t gid, struct complaint *complaint);

/* The proxy: Landlock without any right in a file, and the filter of the relay. Where the kernel
 * has no Landlock the filter alone holds, and *ret_landlock is 0; else it is the ABI. No allowance
 * is made for a kernel without filters. descriptors: how many the process may have. */
int confine_proxy(uint64_t descriptors, int *ret_landlock, struct complaint *complaint);

/* The resolver: may read what getaddrinfo() reads (resolv.conf, hosts, nsswitch.conf, gai.conf,
 * libraries of nss), talk to name servers and to the host's own name services, and to its parent.
 */
int confine_resolver(struct complaint *complaint);

#endif
