/* SPDX-License-Identifier: Apache-2.0 */
/* Why a worker did not get its connection: a closed list, whose names are the audit's. */
#ifndef KS_EGRESS_REASON_H
#define KS_EGRESS_REASON_H

enum egress_reason {
	REASON_ALLOWED = 0,
	REASON_HOST_NOT_ALLOWED, /* no entry names the host */
	REASON_PORT_NOT_ALLOWED, /* an entry names the host, with another port */
	REASON_ADDRESS_NOT_ALLOWED, /* an address was asked for that no entry is */
	REASON_ADDRESS_FORBIDDEN, /* the name resolves to what only an entry of its own opens */
	REASON_BAD_NAME, /* no host name at all, or one in disguise */
	REASON_BAD_REQUEST, /* not the protocol that the listener speaks */
	REASON_SNI_MISMATCH,
	REASON_SNI_MISSING, /* a ClientHello without a name, or one that cannot be read */
	REASON_NOT_RESOLVED, /* the host's resolver knows no address */
	REASON_DIAL_FAILED,
	REASON_LIMIT, /* connections, names or bytes of the policy are spent */
	REASON_COUNT
};

/* "host_not_allowed"; "allowed" for REASON_ALLOWED. */
const char *egress_reason_name(enum egress_reason reason);

/* A sentence's end for people: "no entry of the allowlist names the host". */
const char *egress_reason_text(enum egress_reason reason);

#endif
