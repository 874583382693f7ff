/* SPDX-License-Identifier: Apache-2.0 */
/* A host in its one canonical form. Whatever names a host, a worker's request or an entry of the
 * allowlist, comes through here before anything is compared: afterwards, two hosts are the same if
 * their texts are the same bytes.
 *
 * Pure: no system call, no memory, thread-safe. Any bytes may be passed. */
#ifndef KS_EGRESS_HOST_H
#define KS_EGRESS_HOST_H

#include "base/bounds.h"
#include "egress/address.h"

enum host_kind { HOST_NAME, HOST_ADDRESS };

struct egress_host {
	enum host_kind kind;
	char text[KS_MAX_HOST + 1]; /* a name in lower case without a final dot, or the canonical
				     * text of the address, without brackets */
	struct address address; /* of HOST_ADDRESS */
};

/* What is wrong with a host; 0 where nothing is. */
enum host_fault {
	HOST_FAULT_NONE = 0,
	HOST_FAULT_EMPTY,
	HOST_FAULT_LONG, /* more than 253 characters */
	HOST_FAULT_CHARACTER, /* anything but letters, digits, "-", "_" and "." */
	HOST_FAULT_NOT_ASCII, /* international names go as A-labels (xn--) */
	HOST_FAULT_LABEL_EMPTY, /* "..", or a dot in front */
	HOST_FAULT_LABEL_LONG, /* more than 63 characters */
	HOST_FAULT_HYPHEN, /* a label that begins or ends with one */
	HOST_FAULT_NUMERIC, /* a resolver could take it for an IPv4 address, and it is none */
	HOST_FAULT_BRACKETS, /* no IPv6 address in them, or none where they are needed */
	HOST_FAULT_NO_PORT,
	HOST_FAULT_PORT, /* not 1 to 65535 in plain digits */
	HOST_FAULT_WILDCARD, /* a wildcard where none may stand, or over less than two labels */
	HOST_FAULT_COUNT
};

/* A sentence's end: "holds a character that no host name has". */
const char *host_fault_text(enum host_fault fault);

/* A name, or an IPv4 address in its one spelling. One dot at the end of a name is taken off (it is
 * the same name); an address has none. Refused is what some resolver reads as an address though it
 * is not spelled as one: "127.1", "0x7f.1", "2130706433", "017700000001", "1.2.3.4.". */
enum host_fault egress_host_parse(const char *bytes, size_t len, struct egress_host *ret_host);

/* "host:port", "a.b.c.d:port" or "[v6]:port", whole: nothing may stand before or behind it. */
enum host_fault egress_host_port_parse(
	const char *bytes, size_t len, struct egress_host *ret_host, uint16_t *ret_port);

/* 1 to 65535 in plain digits, without sign, space or leading zero. */
bool egress_port_parse(const char *bytes, size_t len, uint16_t *ret_port);

void egress_host_from_address(const struct address *address, struct egress_host *ret_host);

/* "host:port", with brackets round IPv6: as an entry of the allowlist is written. Returns text. */
#define HOST_PORT_TEXT (KS_MAX_HOST + 9)
const char *egress_host_port_text(
	const struct egress_host *host, uint16_t port, char text[HOST_PORT_TEXT]);

#endif
