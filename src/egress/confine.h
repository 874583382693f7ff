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

/* The first thing in main(): no new privilege, no core, not dumpable, no capability that ids do not
 * need, a session of its own, SIGPIPE and SIGXFSZ ignored, everything but 0 to EGRESS_SLOT_NAMES
 * closed. 0 or -errno. The end of the owner is the hang-up of its socket: the proxy's loop watches
 * that. */
int confine_start(struct complaint *complaint);

/* Gives up the ids for those, and every group. */
int confine_ids(uint32_t uid, uint32_t gid, struct complaint *complaint);

/* The proxy: Landlock without any right in a file, and the filter of the relay (egress.def). Where
 * the kernel has no Landlock the filter alone holds, and *ret_landlock is 0; else it is the ABI. No
 * allowance is made for a kernel without filters. descriptors: how many the process may have, at
 * most. Ids and capabilities are as they were said to be by then. */
int confine_proxy(uint64_t descriptors, int *ret_landlock, struct complaint *complaint);

/* The resolver while nothing has been asked yet: without privileges. */
int confine_waiting(struct complaint *complaint);

/* The resolver: may read what getaddrinfo() reads (resolv.conf, hosts, nsswitch.conf, gai.conf,
 * libraries of nss), talk to name servers by UDP and by TCP to port 53, and to its parent. To be
 * called before it has threads. Not the unix sockets of nscd or systemd-resolved: no layer could
 * tell them from D-Bus, and the C library asks the name servers where they do not answer. Without
 * Landlock it reads what its user may read. */
int confine_resolver(struct complaint *complaint);

#endif
