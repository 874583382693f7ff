/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/denied.h"

#include <stdio.h>

void print_denied(const struct ks_denied_destination *denied)
{
	fprintf(stderr, "kastellan: net: %s", denied->host);
	if (denied->port)
		fprintf(stderr, ", port %u", (unsigned)denied->port);
	fprintf(stderr, ": denied: %s\n", denied->why);
	if (denied->entry && denied->port)
		fprintf(stderr, "  remedy: --net %s, if it may go there\n", denied->entry);
	else if (denied->entry)
		fprintf(stderr, "  remedy: --net %s:PORT, if it may go there\n", denied->host);
}
