/* SPDX-License-Identifier: Apache-2.0 */
/* What a host can do, said as a list: each layer, then each backend. */
#ifndef KS_RESOLVE_FINDINGS_H
#define KS_RESOLVE_FINDINGS_H

#include "resolve/backends.h"
#include "resolve/host.h"
#include "resolve/why_not.h"

struct findings_row {
	const char *name; /* static */
	bool is_backend;
	bool is_default;
	enum ks_backend_kind kind;
	struct why_not why;
};

struct findings {
	struct findings_row *rows;
	size_t len;
};

/* Both return 0 or -ENOMEM. */
int findings_new(const struct backend_table *table, const struct ks_host *host,
	struct findings **ret_findings);
/* The facts, the layers and the backends as one object. Free with free(). */
int findings_write_json(
	const struct findings *findings, const struct ks_host *host, char **ret_text);
void findings_free(struct findings *findings);

#endif
