/* SPDX-License-Identifier: Apache-2.0 */
/* What the arguments of container cannot carry. */
#ifndef KS_MACOS_PLAN_CONTAINER_CHECK_H
#define KS_MACOS_PLAN_CONTAINER_CHECK_H

#include "plan/plan.h"

/* 0, or -EINVAL with the field. */
int container_check_image(const char *image, const char *step, ks_error **reterr);
int container_check(const struct ks_plan *plan, const char *image, ks_error **reterr);

#endif
