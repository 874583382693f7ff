/* SPDX-License-Identifier: Apache-2.0 */
/* A jail that is a machine: two jails of the Native kind (plan/machine.h), and kastellan-vm in the
 * one of them, which says of the guest what init says of a jail. To the supervisor it is a jail
 * like any other: jail.c passes its calls on to these.
 *
 *   supervisor ── jail of the machine ── kastellan-vm ── emulator ── guest
 *        │  └──── control socket ──────────┘                │
 *        └─────── jail of the files ──── kastellan-files ───┘ port "files"
 *
 * Whichever of the two ends first takes the other with it. */
#ifndef KS_VM_JAIL_VM_JAIL_H
#define KS_VM_JAIL_VM_JAIL_H

#include "supervise/jail.h"

struct vm_jail;

/* What a machine that waits is given. */
struct vm_program {
	const struct ks_plan *plan;
	const struct ks_host *host;
	const char *const *argv;
	const struct jail_stdio *stdio;
};

/* Whether the plan is one for a machine. */
bool vm_jail_wanted(const struct ks_plan *plan);

/* As jail_start() and, without stdio, as jail_build(); watched is the epoll instance that is to
 * tell of the machine once its program runs. Also on failure there is something to be freed. */
int vm_jail_start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, int watched, struct vm_jail **ret_vm, ks_error **reterr);

/* Whether one that was started without stdio still waits for its program, and the program. */
bool vm_jail_waits(const struct vm_jail *vm);
int vm_jail_run(
	struct vm_jail *vm, const struct vm_program *program, int watched, ks_error **reterr);

/* As their namesakes in supervise/jail.h. */
int vm_jail_dispatch(
	struct vm_jail *vm, struct ending *ending, bool *ret_memory, ks_error **reterr);
void vm_jail_usage(struct vm_jail *vm, struct jail_usage *ret_usage);
const struct network_report *vm_jail_network(const struct vm_jail *vm);
int vm_jail_take_terminal(struct vm_jail *vm);
int vm_jail_signal(struct vm_jail *vm, int signal);
int vm_jail_resize(struct vm_jail *vm, uint16_t rows, uint16_t columns);
int vm_jail_kill(struct vm_jail *vm);
void vm_jail_free(struct vm_jail *vm);

#endif
