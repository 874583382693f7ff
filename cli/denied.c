/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/denied.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is(const struct ks_denied_destination *denied, const char *reason)
{
	return strcmp(denied->reason, reason) == 0;
}

void print_denied(const struct ks_denied_destination *denied)
{
	fprintf(stderr, "kastellan: net: %s", denied->host);
	if (denied->port)
		fprintf(stderr, ", port %u", (unsigned)denied->port);
	fprintf(stderr, ": denied: %s\n", denied->why);
	if (denied->entry)
		fprintf(stderr, "  remedy: --net %s, if it may go there\n", denied->entry);
	/* With a port and no entry it is an address that stands for no name: a guess. */
	else if (!denied->port && is(denied, "host_not_allowed"))
		fprintf(stderr, "  remedy: --net %s:PORT, if it may go there\n", denied->host);
	else if (is(denied, "not_resolved"))
		fprintf(stderr, "  remedy: see what this host knows of it: getent ahosts %s\n",
			denied->host);
}

void print_suppressed(uint64_t lines)
{
	if (lines)
		fprintf(stderr,
			"kastellan: %" PRIu64
			" lines of the egress audit were left out: its file or "
			"reader did not take them, or there were more than 200 refusals a second\n",
			lines);
}
