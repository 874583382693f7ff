/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_PLAN_WRITE_LIMITS_H
#define KS_PLAN_WRITE_LIMITS_H

#include "base/strbuf.h"
#include "plan/plan.h"

/* The limits of a plan for people: a headline and a line each. */
void write_limits(struct strbuf *out, const struct ks_plan *plan);

#endif
