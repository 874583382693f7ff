/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as bytes, and what they stand for. A name of the allowlist may resolve to anything
 * its owner likes, so that what is dialled is judged here, after the resolution and by the bytes:
 * only CLASS_GLOBAL is a destination that a name may lead to. Every other class is dialled only
 * where an entry of the allowlist is that very address (rules_allow_address()).
 *
 * Pure: no system call, no memory, thread-safe. */
#ifndef KS_EGRESS_ADDRESS_H
#define KS_EGRESS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum address_family { ADDRESS_NONE = 0, ADDRESS_V4 = 4, ADDRESS_V6 = 6 };

struct address {
	enum address_family family;
	uint8_t bytes[16]; /* in the order of the network; an IPv4 address has the first four, and
			    * zeros behind them */
};

#define ADDRESS_TEXT 46 /* room for any address as text, with its NUL */

/* What an address stands for, by the registries of IANA (special-purpose addresses of IPv4 and
 * IPv6) and the documents of the clouds. The forms that carry an IPv4 address are classes of their
 * own whatever they carry: no name server has reason to answer with one, and whether the host
 * would unwrap it is not for this program to guess. */
enum address_class {
	CLASS_GLOBAL, /* any other public unicast address */
	CLASS_UNSPECIFIED, /* 0.0.0.0, :: */
	CLASS_THIS_NETWORK, /* 0.0.0.0/8: Linux takes some of it for this host */
	CLASS_LOOPBACK,
	CLASS_PRIVATE, /* RFC 1918 */
	CLASS_CGNAT, /* 100.64.0.0/10 */
	CLASS_LINK_LOCAL,
	CLASS_SITE_LOCAL, /* fec0::/10, the old one */
	CLASS_UNIQUE_LOCAL, /* fc00::/7 */
	CLASS_METADATA, /* where clouds hand out credentials */
	CLASS_MULTICAST,
	CLASS_BROADCAST,
	CLASS_DOCUMENTATION,
	CLASS_BENCHMARK, /* not routed; the synthetic addresses are in it */
	CLASS_SYNTHETIC, /* what this program answers with: never a destination */
	CLASS_PROTOCOL, /* 192.0.0.0/24, 2001::/23: protocol assignments */
	CLASS_DISCARD, /* 100::/64 */
	CLASS_RESERVED, /* 240.0.0.0/4, and IPv6 outside 2000::/3 */
	CLASS_V4_MAPPED, /* ::ffff:0:0/96 */
	CLASS_V4_COMPATIBLE, /* ::/96 */
	CLASS_V4_TRANSLATED, /* ::ffff:0:0:0/96, RFC 2765 */
	CLASS_NAT64, /* 64:ff9b::/96, 64:ff9b:1::/48 */
	CLASS_6TO4, /* 2002::/16, 192.88.99.0/24 */
	CLASS_TEREDO, /* 2001::/32 */
	CLASS_ISATAP, /* interface identifier ::0:5efe:a.b.c.d or ::200:5efe:a.b.c.d */
	CLASS_COUNT
};

enum address_class address_class(const struct address *address);

/* Lower case with underscores, as in the audit ("private"). */
const char *address_class_name(enum address_class class);

/* The IPv4 address that a form of IPv6 carries (mapped, compatible, translated, NAT64 /96, 6to4,
 * Teredo's client, ISATAP); false where there is none. For messages, and for sockets that show
 * IPv4 peers as mapped ones; the class of the whole decides. */
bool address_embedded(const struct address *address, struct address *ret_address);

/* A mapped address becomes the IPv4 address it is on the wire; any other stays. */
void address_unmap(struct address *address);

/* One spelling an address: IPv4 as four decimal numbers without leading zeros; IPv6 without a
 * zone, in any of the forms of RFC 4291. Brackets are no part of it. Any bytes may be passed. */
bool address_parse(const char *bytes, size_t len, struct address *ret_address);

/* The canonical text (RFC 5952), without brackets. Returns text. */
const char *address_text(const struct address *address, char text[ADDRESS_TEXT]);

bool address_equal(const struct address *one, const struct address *other);

struct address address_from_v4(const uint8_t bytes[4]);
struct address address_from_v6(const uint8_t bytes[16]);

#endif
