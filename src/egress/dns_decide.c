/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns.h"

#include <string.h>

static const uint8_t loopback_v4[4] = {127, 0, 0, 1};
static const uint8_t loopback_v6[16] = {[15] = 1};

static void refuse(struct dns_answer *answer, enum egress_reason reason)
{
	answer->rcode = DNS_NXDOMAIN;
	answer->prohibited = true;
	answer->reason = reason;
}

static void add_addresses(struct dns_answer *answer, uint16_t type, struct address v4,
	struct address v6, bool without_v6)
{
	if (type == DNS_A || type == DNS_ANY)
		answer->addresses[answer->n_addresses++] = v4;
	if ((type == DNS_AAAA || type == DNS_ANY) && !without_v6)
		answer->addresses[answer->n_addresses++] = v6;
}

/* Only a question for an address spends a place of the table. */
static void decide_listed(const struct dns_query *query, struct synthetic *table, bool without_v6,
	struct dns_answer *answer)
{
	uint32_t number;

	if (query->type != DNS_A && query->type != DNS_AAAA && query->type != DNS_ANY)
		return;
	if (synthetic_number(table, &query->host, &number) < 0) {
		answer->rcode = DNS_SERVFAIL;
		answer->reason = REASON_LIMIT;
		return;
	}
	add_addresses(answer, query->type, synthetic_v4(number), synthetic_v6(number), without_v6);
}

static bool is_localhost(const char *name)
{
	static const char localhost[] = "localhost";
	size_t len = strlen(name), want = sizeof(localhost) - 1;

	return len >= want && strcmp(name + len - want, localhost) == 0 &&
	       (len == want || name[len - want - 1] == '.');
}

static void decide_reverse(
	const struct dns_query *query, const struct synthetic *table, struct dns_answer *answer)
{
	const char *name = address_class(&query->reverse) == CLASS_LOOPBACK
				   ? "localhost"
				   : synthetic_name(table, &query->reverse);

	if (!name)
		refuse(answer, REASON_HOST_NOT_ALLOWED);
	else if (query->type == DNS_PTR || query->type == DNS_ANY)
		answer->name = name;
}

void dns_decide(const struct dns_query *query, const struct rules *rules, struct synthetic *table,
	bool without_v6, struct dns_answer *ret_answer)
{
	struct dns_answer answer = {.rcode = query->rcode};

	if (query->rcode != DNS_NOERROR)
		answer.reason = REASON_BAD_REQUEST;
	else if (query->fault == HOST_FAULT_EMPTY)
		/* The root is there; what it has is nobody's business here. */
		answer.reason = REASON_HOST_NOT_ALLOWED;
	else if (query->fault)
		refuse(&answer, REASON_BAD_NAME);
	else if (rules_know_name(rules, &query->host))
		decide_listed(query, table, without_v6, &answer);
	else if (is_localhost(query->host.text))
		add_addresses(&answer, query->type, address_from_v4(loopback_v4),
			address_from_v6(loopback_v6), without_v6);
	else if (query->reverse.family != ADDRESS_NONE)
		decide_reverse(query, table, &answer);
	else
		refuse(&answer, REASON_HOST_NOT_ALLOWED);
	*ret_answer = answer;
}

size_t dns_respond(const uint8_t *message, size_t len, bool tcp, const struct rules *rules,
	struct synthetic *table, bool without_v6, uint8_t reply[DNS_MAX_REPLY],
	struct dns_query *ret_query, struct dns_answer *ret_answer)
{
	if (dns_parse(message, len, ret_query) < 0)
		return 0;
	dns_decide(ret_query, rules, table, without_v6, ret_answer);
	return dns_write(message, ret_query, ret_answer, tcp, reply);
}
