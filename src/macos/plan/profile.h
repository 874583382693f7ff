/* SPDX-License-Identifier: Apache-2.0 */
/* The profile of a plan: text and parameters. */
#ifndef KS_MACOS_PLAN_PROFILE_H
#define KS_MACOS_PLAN_PROFILE_H

#include "plan/plan.h"

#define PARAM_PROGRAM "PROGRAM"
#define PARAM_TEMPORARY "TEMPORARY"
#define PARAM_EGRESS "EGRESS"

/* Fills plan->seatbelt from the policy, the grants and the program. 0, -ENOMEM, or -EINVAL for a
 * name that a profile cannot protect. */
int seatbelt_profile(struct ks_plan *plan, ks_error **reterr);

#endif
