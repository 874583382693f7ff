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

/* Everything tried, as findings; owned by the bundle. */
int backends_findings(
	ks_backends *backends, const struct findings **ret_findings, ks_error **reterr);

/* The facts that the findings were made from. */
int backends_host(
	ks_backends *backends, bool tried, const struct ks_host **ret_host, ks_error **reterr);

#endif
