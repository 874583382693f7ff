/* SPDX-License-Identifier: Apache-2.0 */
/* The plans of the two jails that a machine is held in, both of the Native kind. Pure.
 *
 *   machine  kastellan-vm and the emulator: an escape from the guest lands here. It shows the
 *            emulator, its libraries and data, firmware and kernel, and has no network but the
 *            worker's own, which leads to the egress proxy.
 *   files    kastellan-files, which serves the policy's own tree, as a worker without a machine
 *            would see it. */
#ifndef KS_VM_PLAN_MACHINE_H
#define KS_VM_PLAN_MACHINE_H

#include "plan/plan.h"

/* Where things are in the machine's jail. */
#define MACHINE_KEEPER "/kastellan-vm"
#define MACHINE_KERNEL "/kernel"
#define MACHINE_FIRMWARE "/firmware"
#define MACHINE_CONFIG "/configuration" /* of Firecracker, as the next */
#define MACHINE_SOCKETS "/run"

/* Where the server is in the jail of the files: in a directory that the guest has for itself, so
 * that no worker sees it. */
#define FILES_PROGRAM "/dev/shm/kastellan-files"

/* Grants of the machine's jail, in this order; their descriptors are opened at the start. */
enum machine_grant {
	MACHINE_GRANT_KEEPER,
	MACHINE_GRANT_EMULATOR,
	MACHINE_GRANT_KERNEL,
	MACHINE_GRANT_FIRMWARE, /* absent where the plan has none */
	MACHINE_GRANTS
};

/* grants: empty, or opened ones in the order above (their names are set here). As the planners of
 * linux/plan/parts.h otherwise. */
int plan_machine_jail(const struct ks_plan *plan, const struct ks_host *host, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

/* grants: those of the plan, and behind them the server's program. */
int plan_files_jail(const struct ks_plan *plan, const struct ks_host *host, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

#endif
