/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_PLAN_FIRECRACKER_H
#define KS_VM_PLAN_FIRECRACKER_H

#include "plan/plan.h"

/* Ports of the guest's vsock: a connection to the port P of the host arrives at the socket
 * MACHINE_SOCKETS "/vsock_P", where somebody has to listen before the machine starts. */
#define FIRECRACKER_CHANNEL_PORT 1024u
#define FIRECRACKER_FILES_PORT 1025u
#define FIRECRACKER_GUEST_CID 3u

/* The plan of the FirecrackerVm backend. Pure; as plan_qemu(). */
int plan_firecracker(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

#endif
