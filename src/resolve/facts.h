/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of one host, found out when they are first needed, at most once, and shared by the
 * backends of a bundle. */
#ifndef KS_RESOLVE_FACTS_H
#define KS_RESOLVE_FACTS_H

#include <stdbool.h>

#include <kastellan/error.h>

#include "resolve/host.h"

struct facts;

typedef int probe_function(bool tried, struct ks_host **ret_host, ks_error **reterr);

/* Of the host that the function looks at. NULL = out of memory. */
struct facts *facts_new(probe_function *probe);
/* Of a host that is described, and that nobody looks at; takes the host, also when it fails. */
struct facts *facts_new_described(struct ks_host *host);
bool facts_are_described(const struct facts *facts);
struct facts *facts_ref(struct facts *facts);
void facts_unref(struct facts *facts);

/* The facts, which live as long as the object. tried: everything by doing; else facts of either
 * kind, of which those parts are known that somebody has asked for (HOST_PART_*). Any thread may
 * ask; others wait while one looks. Returns 0, or as the probe. */
int facts_get(struct facts *facts, bool tried, unsigned parts, const struct ks_host **ret_host,
	ks_error **reterr);

#endif
