/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are this host's own is asked of the kernel that would route to them: no list of
 * interfaces is as right, or as new. */
#ifndef KS_EGRESS_ROUTES_H
#define KS_EGRESS_ROUTES_H

#include "egress/address.h"

/* A NETLINK_ROUTE socket (close-on-exec), to be opened before the proxy is confined; or -errno. */
int routes_open(void);

/* 1: the kernel would deliver it to this host, or to everybody near it (types LOCAL, BROADCAST,
 * ANYCAST, MULTICAST); 0: it is another host's, or there is no route to it; -errno: not known, so
 * do not dial it. Asks and waits for the kernel, which answers at once. */
int routes_own(int routes, const struct address *address);

#endif
