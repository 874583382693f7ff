/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the connections of a worker with an allowlist. */
#ifndef KS_REPORT_NETWORK_H
#define KS_REPORT_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "egress/control.h"

/* Why the proxy has died. */
enum network_end {
	NETWORK_END_TOLD, /* it has not: it was told to */
	NETWORK_END_SIGNAL,
	NETWORK_END_MEMORY, /* the kernel ended it at the limit of its control group */
	NETWORK_END_FAILED, /* it gave up by itself */
	NETWORK_END_HUNG, /* it was told to end, and did not */
};

struct network_report {
	bool used; /* false: there was no proxy, and the rest says nothing */
	bool died; /* the proxy ended before the worker: so did the worker's connections */
	enum network_end why;
	struct egress_summary totals;
	struct egress_denied *denied; /* the most frequent first */
	size_t n_denied;
};

/* 0 or -ENOMEM; then *ret_copy is empty. */
int network_report_copy(const struct network_report *report, struct network_report *ret_copy);
void network_report_done(struct network_report *report);

struct ks_denied_destination;

/* ks_outcome_denied_destination() and its like. */
int network_report_denied(const struct network_report *report, size_t index,
	struct ks_denied_destination *ret_denied);

/* For the status: an object, or null where there was no proxy. */
struct json_t *network_report_to_json(const struct network_report *report);

#endif
