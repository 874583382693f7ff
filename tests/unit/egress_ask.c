/* SPDX-License-Identifier: Apache-2.0 */
/* Answers lines on standard input for a test in another language. Arguments are the entries of an
 * allowlist. "match PORT HEX" is a host's bytes; "class ADDRESS" an address. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egress/rules.h"

static size_t from_hex(const char *hex, char *room, size_t size)
{
	size_t len = 0;
	unsigned byte;

	while (len < size && sscanf(hex + 2 * len, "%2x", &byte) == 1)
		room[len++] = (char)byte;
	return len;
}

static void answer_match(const struct rules *rules, unsigned port, const char *hex)
{
	char bytes[2048];
	struct egress_host host;
	struct verdict verdict;
	size_t len = from_hex(hex, bytes, sizeof(bytes));

	if (egress_host_parse(bytes, len, &host) != HOST_FAULT_NONE) {
		puts("bad_name");
		return;
	}
	verdict = rules_match(rules, &host, (uint16_t)port);
	printf("%s %s %s %d\n", egress_reason_name(verdict.reason), host.text,
		verdict.reason ? "-" : rules->items[verdict.rule].text,
		rules_know_name(rules, &host));
}

static void answer(const struct rules *rules, const char *line)
{
	char text[4200];
	struct address address;
	unsigned port;

	text[0] = '\0';
	if (sscanf(line, "match %u %4199s", &port, text) >= 1)
		answer_match(rules, port, text);
	else if (sscanf(line, "class %45s", text) == 1 &&
		 address_parse(text, strlen(text), &address))
		puts(address_class_name(address_class(&address)));
	else
		puts("bad_line");
}

int main(int argc, char **argv)
{
	struct rules rules = {0};
	enum host_fault fault;
	char line[5000];

	for (int i = 1; i < argc; i++)
		if (rules_add(&rules, argv[i], strlen(argv[i]), &fault) < 0)
			return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin))
		answer(&rules, line);
	rules_done(&rules);
	return EXIT_SUCCESS;
}
