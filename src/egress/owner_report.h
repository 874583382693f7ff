/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner of a proxy tells of it in the outcome. */
#ifndef KS_EGRESS_OWNER_REPORT_H
#define KS_EGRESS_OWNER_REPORT_H

#include <stdbool.h>

#include "report/network.h"

struct egress_report;

/* Lent: its list is the report's. */
struct network_report egress_network_view(const struct egress_report *report);

/* Of a worker's proxy, to be kept: ended, or given up though it had been told to end. Where there
 * is no memory for it, it counts as one that died, as nothing of what it has seen is told. */
void egress_network_keep(
	const struct egress_report *report, bool ended, struct network_report *ret_report);

#endif
