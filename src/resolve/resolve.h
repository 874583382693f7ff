/* SPDX-License-Identifier: Apache-2.0 */
/* From a request (a kind or none, an image or none) to the one backend that answers it. */
#ifndef KS_RESOLVE_RESOLVE_H
#define KS_RESOLVE_RESOLVE_H

#include "resolve/backends.h"
#include "resolve/facts.h"
#include "resolve/findings.h"

/* A bundle over a table and a way to look at the host. 0 or -ENOMEM. */
int backends_new(
	const struct backend_table *table, probe_function *probe, ks_backends **ret_backends);

/* A bundle for the host that the facts describe: of this system's backends, or of macOS's. They
 * plan and tell what they find in the facts, and run nothing. text: the facts alone, or all that
 * "kastellan doctor --json" prints. 0, -EINVAL, -EOPNOTSUPP for a system whose backends cannot be
 * planned here, or -ENOMEM. */
int backends_new_described(
	const char *text, size_t len, ks_backends **ret_backends, ks_error **reterr);

const struct backend_table *backends_table(const ks_backends *backends);

/* Everything tried, as findings; owned by the bundle. */
int backends_findings(
	ks_backends *backends, const struct findings **ret_findings, ks_error **reterr);

/* The facts that the findings were made from. */
int backends_host(
	ks_backends *backends, bool tried, const struct ks_host **ret_host, ks_error **reterr);

#endif
