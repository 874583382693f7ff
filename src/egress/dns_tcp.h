/* SPDX-License-Identifier: Apache-2.0 */
/* Questions over TCP: any number of them in one connection, each with its length in front. */
#ifndef KS_EGRESS_DNS_TCP_H
#define KS_EGRESS_DNS_TCP_H

#include "egress/tenant.h"

#define DNS_TCP_IDLE_MS 10000 /* between two questions */

/* Takes the socket. */
void dns_tcp_accept(struct tenant *tenant, int fd);
/* Of the proxy's timers. */
void dns_tcp_due(struct timer *timer);
void dns_tcp_done(struct tenant *tenant);

#endif
