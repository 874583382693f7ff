/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the Seatbelt backend: facts in, plan out, no effect on any host. */
#ifndef KS_MACOS_PLAN_SEATBELT_H
#define KS_MACOS_PLAN_SEATBELT_H

#include "base/strv.h"
#include "plan/plan.h"

#define SANDBOX_EXEC "/usr/bin/sandbox-exec"

/* As macos_plan_with(). Besides, refuses with the field what a profile cannot carry: -EINVAL, and
 * -E2BIG past what a program can be handed. */
int plan_seatbelt(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

/* Values that are known at the start only. */
struct seatbelt_late {
	const char *program; /* its real path */
	const char *temporary; /* the worker's own new directory */
	const char *egress; /* the proxy's socket, or NULL */
};

/* The command that starts the planned program under its profile, with these values in their places.
 * 0, -ENOMEM, or -EINVAL where a value that the profile needs is missing. */
int seatbelt_command(
	const struct ks_plan *plan, const struct seatbelt_late *late, struct strv *ret_argv);

#endif
