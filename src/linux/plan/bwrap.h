/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the Bwrap backend: facts in, plan out, no effect on the host. */
#ifndef KS_LINUX_PLAN_BWRAP_H
#define KS_LINUX_PLAN_BWRAP_H

#include "plan/plan.h"

/* Plans one worker. On success the plan owns *grants, which is then empty; on failure the caller
 * still does. A plan is also made where the receipt refuses it.
 * Returns 0; -EINVAL or -ESTALE for a grant that cannot be shown; -ENOENT for an explicit working
 * directory that is not visible inside; -EOPNOTSUPP for net "ProxyEgress"; -ENOMEM. */
int plan_bwrap(const struct plan_request *request, struct grants *grants, struct ks_plan **ret_plan,
	ks_error **reterr);

/* The mounts as bubblewrap's arguments: fills plan->helper. */
int plan_bwrap_helper(struct ks_plan *plan, const struct ks_host *host);

/* plan->helper is the command in full, for people. What is executed is a short command line that
 * names SLOT_HELPER_ARGS, and this text in that descriptor: every argument with a NUL after it. */
int plan_bwrap_args_text(const struct ks_plan *plan, char **ret_text, size_t *ret_len);
int plan_bwrap_argv(const struct ks_plan *plan, struct strv *ret_argv);

#endif
