/* SPDX-License-Identifier: Apache-2.0 */
/* Questions over UDP, to whatever server the worker asks: it hears back from that very address. */
#ifndef KS_EGRESS_DNS_UDP_H
#define KS_EGRESS_DNS_UDP_H

#include "egress/tenant.h"

/* Each message shall come with the address it was sent to. */
void dns_udp_prepare(int fd);
/* Answers what waits. True: the turn is over, but not the work. */
bool dns_udp_serve(struct tenant *tenant, int fd);

#endif
