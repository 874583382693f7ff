/* SPDX-License-Identifier: Apache-2.0 */
/* The responder of the jail, in three steps without a socket: dns_parse() reads a query,
 * dns_decide() asks the allowlist and the synthetic table, dns_write() makes the reply.
 *
 * A listed name has the synthetic A and AAAA, and no data of any other type (HTTPS records, which
 * carry keys for Encrypted ClientHello, among them). Any other name does not exist: NXDOMAIN, with
 * "Prohibited" (EDE 18, RFC 8914) for clients that speak EDNS. Never REFUSED, on which musl waits
 * for five seconds. Negative replies carry no SOA, so nothing caches them (RFC 2308). "localhost"
 * and what is below it is the loopback of the jail (RFC 6761), unless an entry lists it.
 *
 * No query leaves the host, so there is no upstream here. Pure, but for the synthetic table. */
#ifndef KS_EGRESS_DNS_H
#define KS_EGRESS_DNS_H

#include "egress/rules.h"
#include "egress/synthetic.h"

#define DNS_MAX_QUERY 4096 /* a longer message is no question of a resolver */
#define DNS_MAX_REPLY 1232 /* also what the responder offers as EDNS size: never a fragment */
#define DNS_TTL 60 /* seconds */

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_BADVERS = 16
};

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_ANY = 255 };

struct dns_query {
	uint16_t id;
	uint16_t flags; /* as they came */
	enum dns_rcode rcode; /* DNS_NOERROR: the question can be put to dns_decide(); else the
			       * reply is this error */
	size_t question_len; /* bytes of the question behind the header, which the reply repeats as
			      * they came, upper case and all; 0 where it cannot be read */
	uint16_t type;
	enum host_fault fault; /* of the name; the name is in host only where there is none */
	struct egress_host host;
	struct address reverse; /* the address a name in in-addr.arpa or ip6.arpa asks for; family
				 * ADDRESS_NONE for any other name */
	bool has_opt;
	bool dnssec_ok;
	uint16_t udp_size; /* what the client takes over UDP, 512 to DNS_MAX_REPLY */
};

/* Reads one message. 0: a reply is due (look at rcode). -EBADMSG: stay silent, it is no query:
 * shorter than a header, or a reply itself (answering one would be a loop). */
int dns_parse(const uint8_t *message, size_t len, struct dns_query *ret_query);

struct dns_answer {
	enum dns_rcode rcode;
	bool prohibited; /* EDE 18 */
	struct address addresses[2];
	size_t n_addresses; /* A and AAAA records */
	const char *name; /* a PTR record, or NULL; lives as the table does */
	enum egress_reason reason; /* for the audit: allowed, host_not_allowed, bad_name, limit */
};

/* What to answer. A listed name that has no synthetic address yet gets one; where the table is
 * full or memory runs out the answer is SERVFAIL, reason limit. without_v6 leaves AAAA without
 * data, for jails whose kernel has no IPv6. */
void dns_decide(const struct dns_query *query, const struct rules *rules, struct synthetic *table,
	bool without_v6, struct dns_answer *ret_answer);

/* Makes the reply for the message that was parsed to query. Over TCP nothing is cut off; over UDP
 * a reply past udp_size is only a header, the question and the TC bit. Returns its length. */
size_t dns_write(const uint8_t *message, const struct dns_query *query,
	const struct dns_answer *answer, bool tcp, uint8_t reply[DNS_MAX_REPLY]);

/* All of it for one message: length of the reply, 0 to stay silent. ret_query and ret_answer are
 * for the audit. */
size_t dns_respond(const uint8_t *message, size_t len, bool tcp, const struct rules *rules,
	struct synthetic *table, bool without_v6, uint8_t reply[DNS_MAX_REPLY],
	struct dns_query *ret_query, struct dns_answer *ret_answer);

/* The message at the front of a TCP stream: 1 with the length of the message, which begins two
 * bytes in; 0 when more bytes are needed; -EMSGSIZE past DNS_MAX_QUERY: hang up. */
int dns_frame(const uint8_t *bytes, size_t len, size_t *ret_len);

#endif
