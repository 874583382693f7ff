/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/reason.h"

static const struct {
	const char *name;
	const char *text;
} reasons[REASON_COUNT] = {
	[REASON_ALLOWED] = {"allowed", "the allowlist allows it"},
	[REASON_HOST_NOT_ALLOWED] = {"host_not_allowed",
		"no entry of the allowlist names the host"},
	[REASON_PORT_NOT_ALLOWED] = {"port_not_allowed",
		"the allowlist names the host with another port only"},
	[REASON_ADDRESS_NOT_ALLOWED] = {"address_not_allowed",
		"no entry of the allowlist is that address"},
	[REASON_ADDRESS_FORBIDDEN] = {"address_forbidden",
		"the name leads to an address that only an entry of its own opens"},
	[REASON_BAD_NAME] = {"bad_name", "it is no host name"},
	[REASON_BAD_REQUEST] = {"bad_request", "the request is not of this protocol"},
	[REASON_SNI_MISMATCH] = {"sni_mismatch", "the TLS session names another host"},
	[REASON_SNI_MISSING] = {"sni_missing", "the TLS session names no host"},
	[REASON_NOT_RESOLVED] = {"not_resolved", "the name has no address"},
	[REASON_DIAL_FAILED] = {"dial_failed", "the destination did not answer"},
	[REASON_LIMIT] = {"limit", "a limit of the worker is reached"},
};

const char *egress_reason_name(enum egress_reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reasons[reason].name : "unknown";
}

const char *egress_reason_text(enum egress_reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reasons[reason].text : "unknown";
}
