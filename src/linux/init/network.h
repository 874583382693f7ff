/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a worker with an allowlist. All there is in it is the loopback, to which every
 * address is routed: whatever the worker connects to or asks for a name, it reaches a socket that
 * was made here and then handed to the egress proxy, which alone is outside. No process of ours
 * lives in it, and nothing of it has a name that could be opened. System calls only. */
#ifndef KS_LINUX_INIT_NETWORK_H
#define KS_LINUX_INIT_NETWORK_H

#include <stdint.h>

#include "linux/init/spec_read.h"

/* For a helper that makes no network itself: a new one in place of the caller's, with rights over
 * it. Without kernel ids of the worker's own that takes a user namespace, in which the caller keeps
 * its ids. */
int network_enter(const struct spec *spec, struct failure *failure);

/* In the new network namespace, with rights over it: makes all of the above and hands the sockets
 * over through SLOT_EGRESS, which holds the namespace itself from then on. errno stays as it is,
 * unless it fails. */
int network_open(const struct spec *spec, struct failure *failure);

/* In the jail, before anything runs there: whether this is that namespace, where the spec has one.
 * Needs /proc; SLOT_EGRESS stays open. */
int network_check(const struct spec *spec, struct failure *failure);

/* Tells the supervisor that init is up: the first message, so that there is room for it. The
 * namespace goes with it, where there is one (see kept.h), and SLOT_EGRESS is closed. 0 or -errno.
 */
int network_say_ready(const struct spec *spec);

/* The loopback is up, and that is all. errno stays as it is. */
int network_loopback(struct failure *failure);

/* network_routes.c: the loopback is up, and every address is its own. IPv6 is left out where the
 * kernel has none. */
int network_route_all(struct failure *failure);

/* network_sockets.c: a listening TCP socket for any address and that port (0: any), IPv4 and IPv6
 * where there is such a thing; transparent: connections to other addresses may be given to it.
 * Returns the descriptor or -errno. */
int network_listen(uint16_t port, bool transparent);
/* The same, at one address of the loopback: IPv6, or IPv4 as a mapped one. */
int network_listen_at(const uint8_t address[16], uint16_t port);
/* A UDP socket for any address and that port, which is told the address that was asked
 * (IPV6_PKTINFO, or IP_PKTINFO without IPv6) and may answer from it. */
int network_datagrams(uint16_t port);
/* The port that the kernel chose, or 0. */
uint16_t network_port(int fd);

/* network_divert.c: every TCP connection to any address but the loopback's goes to the transparent
 * listener of that port. -EOPNOTSUPP where the kernel has nothing to do it with. */
int network_divert(uint16_t port, struct failure *failure);

#endif
