/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker wanted and did not get, each destination once with how often: for the report to
 * its owner. A worker decides what it asks for, so that the table has a size of its own and keeps
 * what came first.
 *
 * Pure: no system call, no memory of its own. */
#ifndef KS_EGRESS_DESTINATIONS_H
#define KS_EGRESS_DESTINATIONS_H

#include "egress/audit_line.h"
#include "egress/control.h"

#define DESTINATIONS_MAX 64 /* told apart; more are only counted by others */

struct destinations {
	struct egress_denied items[DESTINATIONS_MAX];
	size_t count;
};

/* Of host or, where the worker named none, dst; with port, reason and entry. */
void destinations_add(struct destinations *table, const struct audit_line *line);

/* The most frequent first, and of equals what came first: 0, or -ENOENT past the last one. */
int destinations_at(
	const struct destinations *table, size_t index, struct egress_denied *ret_denied);

#endif
