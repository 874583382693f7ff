/* SPDX-License-Identifier: Apache-2.0 */
/* What the jail of a running server has refused it, as far as anybody outside is told:
 * destinations, from the lines of its egress proxy's audit; and how often it was refused a task, or
 * lost a process to the system-call filter. Pure. */
#ifndef KS_MCP_REFUSALS_H
#define KS_MCP_REFUSALS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/policy.h>

#define REFUSALS_DESTINATIONS 16 /* the oldest gives way */

struct refused_destination {
	char host[264];
	char entry[280]; /* what would allow it; "" = nothing would */
	char reason[40]; /* a word of the audit */
	unsigned port;
	uint64_t times;
	uint64_t last; /* number of the line */
};

struct refusals {
	struct refused_destination destinations[REFUSALS_DESTINATIONS];
	size_t n_destinations;
	uint64_t lines; /* taken in so far */
	/* Of this server's process so far, and what of it has been told to somebody. */
	uint64_t tasks, calls;
	uint64_t tasks_told, calls_told;
	const char *call; /* the last one's name, a static string; NULL = unknown */
};

/* Takes in a line of the audit, without its end. What is no refusal is passed over. */
void refusals_line(struct refusals *refusals, const char *line, size_t len);

/* A further server starts with nothing. */
void refusals_forget(struct refusals *refusals);

/* Adds to the array what was refused behind that many lines, each with the grant that would allow
 * it. Returns the array, or NULL where memory ran out. */
json_t *refusals_tell(
	struct refusals *refusals, json_t *array, const ks_policy *policy, uint64_t lines);

#endif
