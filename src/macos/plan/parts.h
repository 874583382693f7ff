/* SPDX-License-Identifier: Apache-2.0 */
/* The pure planners of macOS, one a concern. Each reads the facts and what is already in the plan,
 * and fills its own part. They build on every platform and look at no host. */
#ifndef KS_MACOS_PLAN_PARTS_H
#define KS_MACOS_PLAN_PARTS_H

#include "plan/frame.h"

/* The backend's defaults, as kastellan-policy(5) documents them: those of Linux. */
#define MACOS_TASKS_MAX 64u
#define MACOS_CPU_QUOTA_PCT 200u

/* Where directories for the worker and the proxy's socket are made: short, as a path of a socket
 * may have 103 bytes. */
#define MACOS_TEMPORARY "/private/tmp"

/* plan_make(), after the spelling of the grants has been corrected. */
int macos_plan_with(plan_fill *fill, enum ks_backend_kind kind, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr);

/* An error about one grant. Returns code. */
int macos_refuse_grant(const struct grant *grant, int code, const char *remedy, const char *reason,
	ks_error **reterr);

/* The grants in the spelling that Seatbelt compares: 0, -EINVAL or -ENOMEM. */
int macos_spell_grants(struct grants *grants, ks_error **reterr);
/* One path in that spelling; free with free(). NULL = out of memory. */
char *macos_spell(const char *path);

/* The working directory inside: the one that is wanted where it is granted, else the root.
 * by_asked: grants are where they were asked for, and not at their real paths. */
int macos_plan_cwd(
	struct ks_plan *plan, const struct plan_request *request, bool by_asked, ks_error **reterr);

/* The variables that name the egress proxy's socket to a worker, where the policy has none of that
 * name: KASTELLAN_PROXY=unix:PATH, and ALL_PROXY as programs of libcurl take it. 0 or -ENOMEM. */
int macos_door_env(const struct ks_policy *policy, const char *path, struct strv *env);

void seatbelt_limits(struct ks_plan *plan);
/* Rows of the receipt. 0 or -ENOMEM. */
int seatbelt_receipt(struct ks_plan *plan);
int seatbelt_receipt_limits(struct ks_plan *plan);

int container_receipt(struct ks_plan *plan);

#endif
