/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_PLAN_QEMU_H
#define KS_VM_PLAN_QEMU_H

#include "plan/plan.h"

/* The plan of the QemuVm backend. Pure. On success the plan owns *grants, which is then empty; on
 * failure the caller still does. -EOPNOTSUPP where the host has no emulator, firmware or kernel,
 * with the remedy. */
int plan_qemu(const struct plan_request *request, struct grants *grants, struct ks_plan **ret_plan,
	ks_error **reterr);

#endif
