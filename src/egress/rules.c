/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void rule_done(struct rule *rule)
{
	free(rule->text);
	free(rule->host);
}

void rules_done(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		rule_done(&rules->items[i]);
	free(rules->items);
	*rules = (struct rules){0};
}

static enum host_fault parse_entry(
	const char *entry, size_t len, struct rule *ret_rule, struct egress_host *ret_host)
{
	bool wildcard = len >= 2 && entry[0] == '*' && entry[1] == '.';
	size_t skip = wildcard ? 2 : 0;
	enum host_fault fault;

	if (len > skip && memchr(entry + skip, '*', len - skip))
		return HOST_FAULT_WILDCARD;
	fault = egress_host_port_parse(entry + skip, len - skip, ret_host, &ret_rule->port);
	if (fault)
		return fault;
	/* A wildcard over a single label would be one over a whole top-level domain. */
	if (wildcard && (ret_host->kind != HOST_NAME || !strchr(ret_host->text, '.')))
		return HOST_FAULT_WILDCARD;
	ret_rule->wildcard = wildcard;
	if (ret_host->kind == HOST_ADDRESS)
		ret_rule->address = ret_host->address;
	return HOST_FAULT_NONE;
}

static int rule_copy_texts(struct rule *rule, const struct egress_host *host)
{
	char text[HOST_PORT_TEXT];
	size_t room = sizeof(text) + 2;

	egress_host_port_text(host, rule->port, text);
	rule->host = strdup(host->text);
	rule->text = malloc(room);
	if (!rule->host || !rule->text)
		return -ENOMEM;
	rule->host_len = strlen(rule->host);
	snprintf(rule->text, room, "%s%s", rule->wildcard ? "*." : "", text);
	return 0;
}

int rules_add(struct rules *rules, const char *entry, size_t len, enum host_fault *ret_fault)
{
	struct egress_host host;
	struct rule rule = {0};
	struct rule *items;
	enum host_fault fault = parse_entry(entry, len, &rule, &host);

	if (fault) {
		*ret_fault = fault;
		return -EINVAL;
	}
	if (rules->count >= KS_MAX_ENDPOINTS)
		return -E2BIG;
	items = realloc(rules->items, (rules->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	rules->items = items;
	if (rule_copy_texts(&rule, &host) < 0) {
		rule_done(&rule);
		return -ENOMEM;
	}
	rules->items[rules->count++] = rule;
	return 0;
}

/* The label's border counts: "notexample.com" is not below "example.com". */
static bool is_below(const struct rule *rule, const char *name, size_t len)
{
	return len > rule->host_len + 1 && name[len - rule->host_len - 1] == '.' &&
	       memcmp(name + len - rule->host_len, rule->host, rule->host_len) == 0;
}

static bool covers(const struct rule *rule, const struct egress_host *host, size_t len)
{
	if (host->kind == HOST_ADDRESS)
		return address_equal(&rule->address, &host->address);
	if (rule->address.family != ADDRESS_NONE)
		return false;
	if (rule->wildcard)
		return is_below(rule, host->text, len);
	return len == rule->host_len && memcmp(host->text, rule->host, len) == 0;
}

struct verdict rules_match(const struct rules *rules, const struct egress_host *host, uint16_t port)
{
	size_t len = strlen(host->text), found = rules->count;
	bool other_port = false;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		if (!covers(rule, host, len))
			continue;
		if (rule->port != port)
			other_port = true;
		else if (!rule->wildcard)
			return (struct verdict){REASON_ALLOWED, i};
		else if (found == rules->count)
			found = i;
	}
	if (found < rules->count)
		return (struct verdict){REASON_ALLOWED, found};
	if (other_port)
		return (struct verdict){REASON_PORT_NOT_ALLOWED, 0};
	return (struct verdict){
		host->kind == HOST_ADDRESS ? REASON_ADDRESS_NOT_ALLOWED : REASON_HOST_NOT_ALLOWED,
		0};
}

bool rules_know_name(const struct rules *rules, const struct egress_host *host)
{
	size_t len = strlen(host->text);

	for (size_t i = 0; host->kind == HOST_NAME && i < rules->count; i++)
		if (covers(&rules->items[i], host, len))
			return true;
	return false;
}

bool rules_has_address(const struct rules *rules, const struct address *address, uint16_t port)
{
	for (size_t i = 0; address->family != ADDRESS_NONE && i < rules->count; i++)
		if (rules->items[i].port == port &&
			address_equal(&rules->items[i].address, address))
			return true;
	return false;
}

bool rules_allow_address(const struct rules *rules, const struct address *address, uint16_t port,
	enum address_class *ret_class)
{
	enum address_class class = address_class(address);

	if (ret_class)
		*ret_class = class;
	return class == CLASS_GLOBAL || rules_has_address(rules, address, port);
}
