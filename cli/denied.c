/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/denied.h"

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
	else if (is(denied, "host_not_allowed"))
		fprintf(stderr, "  remedy: --net %s:PORT, if it may go there\n", denied->host);
	else if (is(denied, "not_resolved"))
		fprintf(stderr, "  remedy: see what this host knows of it: getent ahosts %s\n",
			denied->host);
}
