/* SPDX-License-Identifier: Apache-2.0 */
#include "report/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "egress/reason.h"
#include "report/outcome.h"

int network_report_copy(const struct network_report *report, struct network_report *ret_copy)
{
	*ret_copy = (struct network_report){.used = report->used,
		.died = report->died,
		.why = report->why,
		.totals = report->totals};
	if (!report->n_denied)
		return 0;
	ret_copy->denied = calloc(report->n_denied, sizeof(*report->denied));
	if (!ret_copy->denied)
		return -ENOMEM;
	memcpy(ret_copy->denied, report->denied, report->n_denied * sizeof(*report->denied));
	ret_copy->n_denied = report->n_denied;
	return 0;
}

void network_report_done(struct network_report *report)
{
	free(report->denied);
	*report = (struct network_report){0};
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *denied_to_json(const struct egress_denied *denied)
{
	json_t *json = json_with(json_object(), "host", json_text(denied->host));

	json = json_with(json, "port", number(denied->port));
	json = json_with(json, "reason", json_string(egress_reason_name(denied->reason)));
	json = json_with(json, "times", number(denied->times));
	return json_with(json, "entry", denied->entry[0] ? json_text(denied->entry) : json_null());
}

static const char *const deaths[] = {
	[NETWORK_END_TOLD] = NULL,
	[NETWORK_END_SIGNAL] = "signal",
	[NETWORK_END_MEMORY] = "memory",
	[NETWORK_END_FAILED] = "failed",
	[NETWORK_END_HUNG] = "hung",
};

json_t *network_report_to_json(const struct network_report *report)
{
	const char *why = deaths[report->why];
	json_t *list = json_array();
	json_t *json;

	if (!report->used) {
		json_decref(list);
		return json_null();
	}
	json = json_with(json_object(), "proxy_died", json_boolean(report->died));
	json = json_with(json, "proxy_death", why ? json_string(why) : json_null());
	json = json_with(json, "connections", number(report->totals.connections));
	json = json_with(json, "unfinished", number(report->totals.unfinished));
	json = json_with(json, "denials", number(report->totals.denials));
	json = json_with(json, "bytes_sent", number(report->totals.up));
	json = json_with(json, "bytes_received", number(report->totals.down));
	json = json_with(json, "suppressed", number(report->totals.suppressed));
	for (size_t i = 0; i < report->n_denied; i++)
		list = json_and(list, denied_to_json(&report->denied[i]));
	return json_with(json, "denied", list);
}

uint64_t ks_outcome_connections(const ks_outcome *outcome)
{
	return outcome->network.totals.connections;
}

uint64_t ks_outcome_connections_unfinished(const ks_outcome *outcome)
{
	return outcome->network.totals.unfinished;
}

uint64_t ks_outcome_connections_denied(const ks_outcome *outcome)
{
	return outcome->network.totals.denials;
}

uint64_t ks_outcome_bytes_sent(const ks_outcome *outcome)
{
	return outcome->network.totals.up;
}

uint64_t ks_outcome_bytes_received(const ks_outcome *outcome)
{
	return outcome->network.totals.down;
}

uint64_t ks_outcome_audit_suppressed(const ks_outcome *outcome)
{
	return outcome->network.totals.suppressed;
}

const char *ks_outcome_proxy_death(const ks_outcome *outcome)
{
	return deaths[outcome->network.why];
}

int ks_outcome_proxy_died(const ks_outcome *outcome)
{
	return outcome->network.died;
}

int network_report_denied(
	const struct network_report *report, size_t index, struct ks_denied_destination *ret_denied)
{
	struct ks_denied_destination full = {.size = ret_denied->size};
	size_t size = full.size < sizeof(full) ? full.size : sizeof(full);
	const struct egress_denied *denied;

	if (index >= report->n_denied)
		return -ENOENT;
	denied = &report->denied[index];
	full.host = denied->host;
	full.port = denied->port;
	full.reason = egress_reason_name(denied->reason);
	full.why = egress_reason_text(denied->reason);
	full.times = denied->times;
	full.entry = denied->entry[0] ? denied->entry : NULL;
	memcpy(ret_denied, &full, size);
	return 0;
}

int ks_outcome_denied_destination(
	const ks_outcome *outcome, size_t index, struct ks_denied_destination *ret_denied)
{
	return network_report_denied(&outcome->network, index, ret_denied);
}
