/* SPDX-License-Identifier: Apache-2.0 */
/* The plan and its receipt: what would be enforced, by which mechanism, and whether it holds on
 * this host, before anything is started.
 *
 * Ownership: a ks_plan belongs to the caller, who frees it; strings it returns belong to it.
 * Thread-safety: one thread at a time, or several that only read. */
#ifndef KASTELLAN_PLAN_H
#define KASTELLAN_PLAN_H

#include <stddef.h>

#include <kastellan/backend.h>
#include <kastellan/error.h>
#include <kastellan/policy.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_plan ks_plan;

/* Policy fields as bits: for ks_run_options.allow_degraded. */
enum ks_field {
	KS_FIELD_FS_READ = 1 << 0,
	KS_FIELD_FS_WRITE = 1 << 1,
	KS_FIELD_NET = 1 << 2,
	KS_FIELD_CPU_MS = 1 << 3,
	KS_FIELD_MEM_MB = 1 << 4,
	KS_FIELD_PROFILE = 1 << 5,
	KS_FIELD_CPU_QUOTA_PCT = 1 << 6,
	KS_FIELD_TASKS_MAX = 1 << 7,
	KS_FIELD_ENV = 1 << 8,
	KS_FIELD_EGRESS = 1 << 9
};

/* The bit of a field's JSON name ("mem_mb"), or 0. */
KS_API unsigned ks_field_from_name(const char *name);

/* How well a field of the policy is enforced. */
enum ks_verdict {
	KS_VERDICT_HELD = 0, /* as asked */
	KS_VERDICT_CLAMPED = 1, /* held, at the documented floor or ceiling of the backend */
	KS_VERDICT_DEGRADED = 2, /* something of it is missing */
	KS_VERDICT_ABSENT = 3 /* nothing enforces it */
};

/* One row of the receipt. The strings belong to the plan (or outcome) it comes from. */
struct ks_receipt_row {
	size_t size; /* sizeof(struct ks_receipt_row) of the caller, set before the call */
	const char *field;
	const char *request;
	const char *mechanism;
	const char *detail; /* NULL where held as asked */
	const char *remedy; /* NULL where there is none */
	enum ks_verdict verdict;
	int requested; /* 0: the policy asks nothing here, the row is for information */
};

/* Plans the policy on the backend. The grants are looked up and opened (their names are resolved
 * here, and never again). argv may be NULL: a plan without a program. A plan is made also for what
 * would be refused: the receipt says so.
 * Returns 0, or: -ENOENT for a grant that does not exist, -EINVAL, -EOPNOTSUPP for a backend that
 * cannot plan on this system, -ENOMEM. */
KS_API int ks_plan_new(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	ks_plan **ret_plan, ks_error **reterr);

/* NULL is allowed. */
KS_API void ks_plan_free(ks_plan *plan);

/* The plan for people, or as one JSON object. Free with free(). Returns 0 or -ENOMEM. */
KS_API int ks_plan_text(const ks_plan *plan, char **ret_text);
KS_API int ks_plan_json(const ks_plan *plan, char **ret_text);

/* Row number index of the receipt; 0, or -ENOENT past the last one. */
KS_API int ks_plan_receipt(const ks_plan *plan, size_t index, struct ks_receipt_row *ret_row);

/* 0 if a spawn with these allowed degradations (KS_FIELD_ bits) would not be refused, else
 * -EOPNOTSUPP with the field, the reason and the remedy; or the error of a backend that does not
 * work on that host, with the layer as its step, as far as that shows without starting anything. */
KS_API int ks_plan_check(const ks_plan *plan, unsigned allow_degraded, ks_error **reterr);

#ifdef __cplusplus
}
#endif

#endif
