/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends of one operating system, and the backend as an object.
 *
 * Each platform directory has its own table, chosen by the build: a kind of another system is not
 * in it. The table is an argument here, so that the rules are tested with tables of any system. */
#ifndef KS_RESOLVE_BACKENDS_H
#define KS_RESOLVE_BACKENDS_H

#include <stdbool.h>
#include <stddef.h>

#include <kastellan/backend.h>

#include "resolve/facts.h"
#include "resolve/host.h"
#include "resolve/why_not.h"

struct grants;
struct ks_plan;
struct plan_request;
struct vm_look;

/* What a backend does that differs from the others: the stages after it read only the plan. */
struct backend_ops {
	int (*plan)(const struct plan_request *request, struct grants *grants,
		struct ks_plan **ret_plan, ks_error **reterr);
	/* What this backend alone needs to know of the host that kastellan runs on, before it
	 * plans; NULL = nothing. 0 or -errno. */
	int (*look)(const struct ks_host *host, struct vm_look *ret, ks_error **reterr);
};

struct backend_row {
	enum ks_backend_kind kind;
	const char *default_image; /* NULL = a backend without images */
	const struct backend_ops *ops; /* NULL = not in this version */
	why_not_function *why_not; /* NULL with ops NULL */
	unsigned spared_parts; /* of a look at the host (HOST_PART_...): what it does not need */
};

/* What backends of a system are made of, looked at by itself. */
struct layer_row {
	const char *name;
	why_not_function *why_not;
};

struct backend_table {
	const struct backend_row *rows; /* at most BACKEND_MAX_ROWS */
	size_t len;
	enum ks_backend_kind default_kind; /* KS_BACKEND_NONE where there is no backend at all */
	const struct layer_row *layers;
	size_t n_layers;
	const char *os; /* as the facts of a host have it */
};

#define BACKEND_MAX_ROWS 8

extern const struct backend_table platform_backends;

/* The backends of macOS as far as they are pure: every platform can plan for them. */
extern const struct backend_table macos_backends;

const struct backend_row *backend_row_find(
	const struct backend_table *table, enum ks_backend_kind kind);

/* A backend of that row (NULL: one that refuses everything). 0 or -ENOMEM. image may be NULL. */
int backend_new(const struct backend_row *row, const char *image, struct facts *facts,
	ks_backend **ret_backend);

/* Whether its host is one that facts describe, and not this one: it plans, and nothing is run. */
bool backend_is_described(const ks_backend *backend);

/* What its plans are made with; NULL for a stub and for what is not in this version. */
const struct backend_ops *backend_ops(const ks_backend *backend);

/* Facts of its host, which live as long as the backend. A stub has those of an empty host. */
int backend_host(
	ks_backend *backend, bool tried, const struct ks_host **ret_host, ks_error **reterr);

/* 0 if a plan can be made: there is such a backend in this version and on this system. Else
 * -EOPNOTSUPP, naming the backend. */
int backend_can_plan(const ks_backend *backend, ks_error **reterr);

/* 0 if a spawn may be tried. Else the errno, with the layer as the error's step, the reason and the
 * remedy. Looks only at the facts: what shows when it is done is told by why_not_helper(). */
int backend_can_spawn(ks_backend *backend, const struct ks_host *host, ks_error **reterr);

/* What the same facts tell of a backend that can be planned, also of a host that is only described;
 * of a stub nothing. 0 or -errno; *ret is to be released in both cases. */
int backend_why_not(ks_backend *backend, struct why_not *ret, ks_error **reterr);

/* NULL for a backend that is no stub. Members that the stub's maker did not know of are zero.
 * ret_data may be NULL. */
const struct ks_backend_stub_ops *backend_stub(const ks_backend *backend, void **ret_data);

#endif
