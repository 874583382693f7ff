/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tell.h"

#include <string.h>

static struct audit_line line_of(
	const struct flow *flow, enum audit_event event, struct egress_host *host)
{
	struct audit_line line = AUDIT_LINE_INIT;

	flow_host(flow, host);
	line.event = event;
	if (host->text[0]) {
		line.host = host->text;
		line.host_len = strlen(host->text);
	}
	line.port = flow->port;
	line.proto = "tcp";
	line.via = flow->via;
	line.dst = flow->address;
	line.ip = flow->dialled;
	if (flow->number) {
		line.conn = (int64_t)flow->number;
		line.dial_usec = flow->dial_usec;
	}
	return line;
}

const char *tell_entry(
	const struct flow *flow, const struct denial *denial, char text[HOST_PORT_TEXT])
{
	struct egress_host host;

	/* A worker may connect to port 0, and no entry has it. */
	if (!flow->port)
		return NULL;
	switch (denial->reason) {
	case REASON_HOST_NOT_ALLOWED:
	case REASON_PORT_NOT_ALLOWED:
	case REASON_ADDRESS_NOT_ALLOWED:
		if (!flow_host(flow, &host))
			return NULL;
		break;
	case REASON_ADDRESS_FORBIDDEN:
		egress_host_from_address(&denial->forbidden, &host);
		break;
	default:
		return NULL;
	}
	return egress_host_port_text(&host, flow->port, text);
}

static void add_sni(struct audit_line *line, const struct egress_host *sni)
{
	if (!sni || !sni->text[0])
		return;
	line->sni = sni->text;
	line->sni_len = strlen(sni->text);
}

void tell_denied(struct flow *flow, const struct denial *denial, const char *entry)
{
	struct egress_host host;
	struct audit_line line = line_of(flow, AUDIT_CONNECT, &host);

	line.reason = denial->reason;
	line.class = denial->class;
	line.entry = entry;
	line.n_resolved = denial->n_resolved < AUDIT_MAX_RESOLVED ? denial->n_resolved
								  : AUDIT_MAX_RESOLVED;
	if (line.n_resolved)
		memcpy(line.resolved, denial->resolved, line.n_resolved * sizeof(line.resolved[0]));
	add_sni(&line, denial->sni);
	audit_put(flow->tenant->audit, &line);
	flow->told = true;
}

void tell_allowed(struct flow *flow, const struct egress_host *sni)
{
	struct egress_host host;
	struct audit_line line = line_of(flow, AUDIT_CONNECT, &host);

	line.rule = flow->tenant->rules.items[flow->rule].text;
	add_sni(&line, sni);
	audit_put(flow->tenant->audit, &line);
	flow->told = true;
}

void tell_closed(struct flow *flow, enum audit_end end)
{
	struct egress_host host;
	struct audit_line line = line_of(flow, AUDIT_CLOSE, &host);

	line.dial_usec = AUDIT_UNSET;
	line.up = (int64_t)flow->up.bytes;
	line.down = (int64_t)flow->down.bytes;
	line.life_usec = (int64_t)(flow->tenant->loop->now - flow->began);
	line.end = end;
	audit_put(flow->tenant->audit, &line);
}

void tell_refused(struct tenant *tenant, const struct address *address, uint16_t port)
{
	const char *name = synthetic_name(&tenant->names, address);
	struct audit_line line = AUDIT_LINE_INIT;
	char text[ADDRESS_TEXT];

	if (!name && address->family != ADDRESS_NONE)
		name = address_text(address, text);
	line.event = AUDIT_CONNECT;
	line.reason = REASON_LIMIT;
	line.host = name;
	line.host_len = name ? strlen(name) : 0;
	line.port = port;
	line.proto = "tcp";
	line.via = port ? VIA_TRANSPARENT : VIA_NONE;
	line.dst = *address;
	audit_put(tenant->audit, &line);
}

void tell_question(struct tenant *tenant, enum audit_via via, const struct dns_query *query,
	const struct dns_answer *answer)
{
	struct audit_line line = AUDIT_LINE_INIT;

	line.event = AUDIT_DNS;
	line.reason = answer->reason;
	if (!query->fault) {
		line.host = query->host.text;
		line.host_len = strlen(query->host.text);
	}
	line.proto = via == VIA_DNS_UDP ? "udp" : "tcp";
	line.via = via;
	line.qtype = query->type;
	audit_put(tenant->audit, &line);
}

void tell_policy(struct tenant *tenant)
{
	struct audit_line line = AUDIT_LINE_INIT;

	line.event = AUDIT_POLICY;
	audit_put(tenant->audit, &line);
}

void tell_summary(struct tenant *tenant)
{
	struct audit_line line = AUDIT_LINE_INIT;

	line.event = AUDIT_SUMMARY;
	line.connections = (int64_t)tenant->dialled;
	line.up = (int64_t)tenant->up;
	line.down = (int64_t)tenant->down;
	audit_put(tenant->audit, &line);
}
