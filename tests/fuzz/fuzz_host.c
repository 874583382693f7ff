/* SPDX-License-Identifier: Apache-2.0 */
/* host:port, and entries of the allowlist: what is taken has one spelling, and an entry allows
 * exactly what it names. */
#include "fuzz.h"

#include "egress/rules.h"

static void check_canonical(const char *text, const struct egress_host *host, uint16_t port)
{
	struct egress_host again;
	uint16_t port_again;
	char text_again[HOST_PORT_TEXT];

	HOLDS(egress_host_port_parse(text, strlen(text), &again, &port_again) == 0);
	HOLDS(port_again == port && again.kind == host->kind);
	HOLDS(strcmp(again.text, host->text) == 0);
	HOLDS(strcmp(egress_host_port_text(&again, port_again, text_again), text) == 0);
	for (const char *c = host->text; *c; c++)
		HOLDS(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:", *c));
}

static void check_entry(
	const char *bytes, size_t len, const struct egress_host *host, uint16_t port)
{
	struct rules rules = {0};
	struct egress_host below;
	char text[KS_MAX_HOST + 8];
	enum host_fault fault;
	bool wildcard = len >= 2 && bytes[0] == '*';

	if (rules_add(&rules, bytes, len, &fault) < 0) {
		HOLDS(wildcard || !host);
		return;
	}
	if (!wildcard) {
		HOLDS(host && rules_match(&rules, host, port).reason == REASON_ALLOWED);
		HOLDS(rules_match(&rules, host, (uint16_t)(port + 1)).reason ==
			REASON_PORT_NOT_ALLOWED);
	} else {
		HOLDS(egress_host_parse(rules.items[0].host, rules.items[0].host_len, &below) == 0);
		HOLDS(rules_match(&rules, &below, rules.items[0].port).reason ==
			REASON_HOST_NOT_ALLOWED);
		snprintf(text, sizeof(text), "x.%s", rules.items[0].host);
		if (egress_host_parse(text, strlen(text), &below) == 0)
			HOLDS(rules_match(&rules, &below, rules.items[0].port).reason ==
				REASON_ALLOWED);
	}
	rules_done(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct egress_host host;
	char canonical[HOST_PORT_TEXT];
	uint16_t port = 0;
	bool good = egress_host_port_parse(text, len, &host, &port) == 0;

	if (good) {
		HOLDS(port != 0 && !memchr(text, '\0', len));
		check_canonical(egress_host_port_text(&host, port, canonical), &host, port);
	}
	check_entry(text, len, good ? &host : NULL, port);
	egress_host_parse(text, len, &host);
	return 0;
}
