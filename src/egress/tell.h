/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, as lines of the audit. */
#ifndef KS_EGRESS_TELL_H
#define KS_EGRESS_TELL_H

#include "egress/dns.h"
#include "egress/flow.h"

/* The entry of the allowlist that would allow what was denied. NULL where none would, else text. */
const char *tell_entry(
	const struct flow *flow, const struct denial *denial, char text[HOST_PORT_TEXT]);

void tell_denied(struct flow *flow, const struct denial *denial, const char *entry);
/* sni may be NULL. */
void tell_allowed(struct flow *flow, const struct egress_host *sni);
void tell_closed(struct flow *flow, enum audit_end end);
/* The table of connections is full: this one never became a flow. The address may be of no family.
 */
void tell_refused(struct tenant *tenant, const struct address *address, uint16_t port);
void tell_question(struct tenant *tenant, enum audit_via via, const struct dns_query *query,
	const struct dns_answer *answer);
void tell_policy(struct tenant *tenant);
void tell_summary(struct tenant *tenant);

#endif
