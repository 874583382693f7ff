/* SPDX-License-Identifier: Apache-2.0 */
/* The pure planners of Linux, one a concern, in the order in which plan_linux() calls them. Each
 * reads the facts and what is already in the plan, and fills its own part. None does a system call
 * that looks at or changes the host. */
#ifndef KS_LINUX_PLAN_PARTS_H
#define KS_LINUX_PLAN_PARTS_H

#include "plan/plan.h"

/* What the worker sees itself as. The host's user and group of the same number are unrelated. */
#define WORKER_UID 1000u
#define WORKER_GID 1000u
#define WORKER_HOSTNAME "kastellan"

/* Where a program without a slash is looked for. */
#define PLAN_SEARCH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

/* The backend's defaults, as kastellan-policy(5) documents them. */
#define DEFAULT_TASKS_MAX 64u
#define DEFAULT_CPU_QUOTA_PCT 200u

/* All of them, for a backend of that kind. What is special to one is added by its own planner,
 * whose contract (bwrap.h, native.h) this is: on success the plan owns *grants, which is
 * then empty; on failure the caller still does. */
int plan_linux(enum ks_backend_kind kind, const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

/* Directories that the jail makes itself, and of which nothing of the host's may be granted. */
const char *plan_own_directory(const char *path); /* NULL = not in one */

/* The jail's own part of the root: /usr and its links, /etc, /proc, /dev, /tmp. */
int plan_system_mounts(
	const struct ks_policy *policy, const struct ks_host *host, struct mount_list *ret_list);

/* Whether the object of a grant may be granted at all: 0 or -EINVAL. */
int plan_check_grant(const struct grant *grant, ks_error **reterr);

/* The grants, each once, and links for those that were asked for by another name. */
int plan_grant_mounts(const struct grants *grants, const struct mount_list *builtin,
	struct mount_list *ret_list, ks_error **reterr);

/* Both as one list in the order of application: plan->mounts and plan->data. */
int plan_mounts(struct ks_plan *plan, const struct ks_host *host, ks_error **reterr);

int plan_landlock(struct ks_plan *plan, const struct ks_host *host);

/* The rules of a worker without a mount namespace, whose paths are the host's. */
int plan_landlock_on_host(struct ks_plan *plan, const struct ks_host *host);
/* What both begin with: ABI, rights and scopes. false where there is no Landlock. */
bool plan_landlock_head(struct landlock_plan *landlock, const struct ks_host *host);
/* One rule with as much of the access as is handled. grant: its number, or PLAN_NO_GRANT. */
#define PLAN_NO_GRANT SIZE_MAX
int plan_landlock_rule(
	struct landlock_plan *landlock, const char *path, uint64_t access, size_t grant);

/* Which network the policy asks for; what follows from it is each part's own. */
void plan_network(struct ks_plan *plan);
void plan_filter(struct ks_plan *plan, const struct ks_host *host);
void plan_limits(struct ks_plan *plan, const struct ks_host *host);
void plan_identity(struct ks_plan *plan, const struct ks_host *host);

/* The working directory inside. */
int plan_cwd(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr);

/* Rows of the receipt; the limits' apart. */
int plan_receipt(struct ks_plan *plan, const struct ks_host *host);
/* The first part for a worker without namespaces. */
int plan_receipt_on_host(struct ks_plan *plan);
int plan_receipt_limits(struct ks_plan *plan, const struct ks_host *host);

/* Whether grants with mapped ids are used for this one. */
bool plan_grant_mapped(const struct ks_plan *plan, const struct grant *grant);

#endif
