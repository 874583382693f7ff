/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/owner_report.h"

#include <sys/wait.h>

#include "egress/owner.h"

struct network_report egress_network_view(const struct egress_report *report)
{
	return (struct network_report){.used = true,
		.died = report->died,
		.totals = report->totals,
		.denied = report->denied,
		.n_denied = report->n_denied};
}

static enum network_end why_died(const struct egress_report *report, bool ended)
{
	if (!ended)
		return NETWORK_END_HUNG;
	return WIFSIGNALED(report->status) ? NETWORK_END_SIGNAL : NETWORK_END_FAILED;
}

void egress_network_keep(
	const struct egress_report *report, bool ended, struct network_report *ret_report)
{
	const struct network_report view = egress_network_view(report);

	/* Before its time it is the worker's loss, and no end of the worker. */
	if (!ended || network_report_copy(&view, ret_report) < 0)
		*ret_report = (struct network_report){.used = true, .died = true};
	ret_report->why = ret_report->died ? why_died(report, ended) : NETWORK_END_TOLD;
}
