/* SPDX-License-Identifier: Apache-2.0 */
/* The allowlist as the proxy asks it. An entry is one of
 *
 *     api.example.com:443    that name
 *     *.example.com:443      every name below example.com, however many labels deep; example.com
 *                            itself is not among them. The domain has at least two labels.
 *     203.0.113.7:5432       that address, asked for as an address
 *     [2001:db8::7]:5432
 *
 * always with its one port. An entry that is an address also makes that address and port one that
 * names may lead to, whatever its class; see rules_allow_address().
 *
 * Pure, but for the memory of the list. Readers may share one list that nobody changes. */
#ifndef KS_EGRESS_RULES_H
#define KS_EGRESS_RULES_H

#include "egress/host.h"
#include "egress/reason.h"

struct rule {
	char *text; /* canonical entry */
	char *host; /* without "*." and brackets: points into memory of its own */
	size_t host_len;
	bool wildcard;
	uint16_t port;
	struct address address; /* family ADDRESS_NONE: a name */
};

struct rules {
	struct rule *items;
	size_t count; /* at most KS_MAX_ENDPOINTS */
};

struct verdict {
	enum egress_reason reason; /* REASON_ALLOWED, or why not */
	size_t rule; /* index of the entry; of meaning where allowed */
};

/* Adds one entry: 0; -EINVAL with *ret_fault; -E2BIG past KS_MAX_ENDPOINTS; -ENOMEM. The policy's
 * own parser is stricter in the spelling, so that a policy's entries never fail here. */
int rules_add(struct rules *rules, const char *entry, size_t len, enum host_fault *ret_fault);
void rules_done(struct rules *rules);

/* May the worker connect there? host is a name, or the literal address the worker asked for. The
 * first entry that is exactly it wins over wildcards. Reasons: host_not_allowed,
 * port_not_allowed, address_not_allowed. */
struct verdict rules_match(
	const struct rules *rules, const struct egress_host *host, uint16_t port);

/* May the name be known in the jail: does any entry, of whatever port, cover it? */
bool rules_know_name(const struct rules *rules, const struct egress_host *host);

/* Is that an address that a name may lead to: one of CLASS_GLOBAL, or an entry that is this very
 * address and port? ret_class tells what it is; it may be NULL. The host's own addresses are not
 * known here: ask the routing table, and then rules_has_address(). */
bool rules_allow_address(const struct rules *rules, const struct address *address, uint16_t port,
	enum address_class *ret_class);
bool rules_has_address(const struct rules *rules, const struct address *address, uint16_t port);

/* The entry that would allow what a verdict denied is egress_host_port_text() of what was asked
 * for; with REASON_ADDRESS_FORBIDDEN, that of the resolved address. */

#endif
