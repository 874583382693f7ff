/* SPDX-License-Identifier: Apache-2.0 */
/* What the two programs start with on a Mac. There is no jail that hands over sockets, and the
 * resolver is a program of its own: a process there must not go on as a fork of another.
 *
 *   owner ──stream── kastellan-egress ──stream── kastellan-names
 *
 * Each under a profile, which the owner puts in force; messages are those of egress/control.h and
 * egress/resolver_child.h, over streams, as unix sockets of a Mac keep no messages apart. */
#ifndef KS_EGRESS_MAC_SLOTS_H
#define KS_EGRESS_MAC_SLOTS_H

#define EGRESS_MAC_NAMES 4 /* of the proxy, beside EGRESS_SLOT_OWNER */
#define EGRESS_MAC_SLOTS 5 /* so many descriptors, and no more */

#define NAMES_SLOT_PROXY 3 /* of the resolver */

/* Of each end, so that a message never has to be cut: all questions that can wait, and their
 * answers. */
#define EGRESS_MAC_BUFFER (1024 * 1024)

#endif
