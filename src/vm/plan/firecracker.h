/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_PLAN_FIRECRACKER_H
#define KS_VM_PLAN_FIRECRACKER_H

#include "plan/plan.h"
#include "vm/plan/machine.h"

/* A guest's connection to the port P of the host (vm/channel/frame.h) arrives at the socket
 * FIRECRACKER_VSOCK "_P", where somebody has to listen before the machine starts. */
#define FIRECRACKER_VSOCK MACHINE_SOCKETS "/vsock"
#define FIRECRACKER_GUEST_CID 3u

/* The plan of the FirecrackerVm backend. Pure; as plan_qemu(). */
int plan_firecracker(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

#endif
