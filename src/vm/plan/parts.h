/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of planning a machine, shared by both kinds. Pure. */
#ifndef KS_VM_PLAN_PARTS_H
#define KS_VM_PLAN_PARTS_H

#include "plan/plan.h"

/* What a machine takes of memory besides the worker's. */
#define GUEST_OVERHEAD_MB 96u /* the guest's kernel and init */
#define HOST_OVERHEAD_MB                                                        \
	192u /* the emulator, its translations (TRANSLATIONS_MB) and the keeper \
	      */
#define CONNECTION_KB 128u /* of a connection, at either end: what is under way, and its socket */
#define GUEST_UNLIMITED_MB 1024u /* of a worker without a limit: a machine always has one */
#define TRANSLATIONS_MB 64u
#define MACHINE_TASKS 24u
#define FILES_MB 192u /* of the file server, with the files that it has in memory */
#define FILES_TASKS 8u
#define GUEST_PROCESSORS 1u
#define BOOT_QUOTA_PCT 200u /* of the machine until the program starts */

/* The facts of the guest, as far as the planners of linux/plan look at them. Borrows from host. */
void vm_guest_facts(const struct ks_host *host, struct ks_host *ret_guest);

/* The whole plan but what is the emulator's own: plan->vm.emulator is set by the caller. */
int vm_plan_guest(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr);

/* Rows of the receipt. 0 or -ENOMEM. */
int vm_receipt(struct ks_plan *plan, const struct ks_host *host);

#endif
