/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan makes monitor, init and emulator be told, as texts for the golden tests. Each is the
 * caller's to free, and fails the running test where it cannot be made. */
#ifndef KS_TESTS_PLAN_TOLD_H
#define KS_TESTS_PLAN_TOLD_H

#include "plan/plan.h"

/* Of a jail that is made without a helper: its mounts. */
char *told_mounts(const struct ks_plan *plan);
/* Of a worker without namespaces: its rules. */
char *told_rules(const struct ks_plan *plan);
/* Of a machine: the emulator's command, and the two jails. */
char *told_machine(const struct ks_plan *plan, const struct ks_host *host);

#endif
