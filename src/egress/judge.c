/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/judge.h"

#include <string.h>

#include "egress/proxy.h"
#include "egress/routes.h"

static void deny(struct flow *flow, enum egress_reason reason)
{
	struct denial denial = {.reason = reason};

	flow_deny(flow, &denial);
}

/* An entry that is the very address opens it, whatever it is. Any other has to be another host's,
 * by the registries and by the kernel's own table. */
static bool may_dial(struct tenant *tenant, const struct address *address, uint16_t port,
	enum address_class *ret_class)
{
	if (!rules_allow_address(&tenant->rules, address, port, ret_class))
		return false;
	return rules_has_address(&tenant->rules, address, port) ||
	       routes_own(tenant->proxy->routes, address) == 0;
}

void judge_resolved(struct lookup_wait *wait, const struct address *addresses, size_t count)
{
	struct flow *flow = container_of(wait, struct flow, lookup);
	struct denial denial = {
		.reason = REASON_ADDRESS_FORBIDDEN, .resolved = addresses, .n_resolved = count};
	struct address good[RESOLVER_MAX_ADDRESSES];
	size_t n_good = 0;

	if (count == 0) {
		deny(flow, REASON_NOT_RESOLVED);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		enum address_class class;

		if (may_dial(flow->tenant, &addresses[i], flow->port, &class)) {
			good[n_good++] = addresses[i];
		} else if (denial.forbidden.family == ADDRESS_NONE) {
			denial.forbidden = addresses[i];
			denial.class = class;
		}
	}
	if (n_good)
		flow_dial(flow, good, n_good);
	else
		flow_deny(flow, &denial);
}

/* A door takes names that were never asked for before: they count as those that were, so that what
 * a worker can say by the names it looks up has one limit. */
static bool may_look_up(struct tenant *tenant, const struct egress_host *host)
{
	uint32_t number;

	return synthetic_number(&tenant->names, host, &number) == 0;
}

bool judge_lists(const struct tenant *tenant, const struct address *address, uint16_t port)
{
	const char *name = synthetic_name(&tenant->names, address);
	struct egress_host host = {.kind = HOST_NAME};

	if (name)
		memcpy(host.text, name, strlen(name) + 1);
	else if (synthetic_is(address))
		return false;
	else
		egress_host_from_address(address, &host);
	return rules_match(&tenant->rules, &host, port).reason == REASON_ALLOWED;
}

void judge(struct flow *flow)
{
	struct tenant *tenant = flow->tenant;
	struct egress_host host;
	struct verdict verdict;

	if (!flow_host(flow, &host)) {
		deny(flow, REASON_HOST_NOT_ALLOWED);
		return;
	}
	verdict = rules_match(&tenant->rules, &host, flow->port);
	if (verdict.reason != REASON_ALLOWED) {
		deny(flow, verdict.reason);
		return;
	}
	if (tenant->relay.bytes_left == 0) {
		deny(flow, REASON_LIMIT);
		return;
	}
	flow->rule = (uint16_t)verdict.rule;
	if (host.kind == HOST_ADDRESS) {
		flow_dial(flow, &host.address, 1);
		return;
	}
	flow->state = FLOW_LOOKUP;
	if (!may_look_up(tenant, &host) || lookup_name(&tenant->lookups, &host, &flow->lookup) < 0)
		deny(flow, REASON_LIMIT);
}
