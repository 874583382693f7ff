/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_JAIL_PARTS_H
#define KS_VM_JAIL_PARTS_H

#include "linux/control_message.h"
#include "vm/channel/frame.h"
#include "vm/jail/vm_jail.h"

struct vm_jail {
	struct jail *machine; /* NULL once nothing of it is left, as the next */
	struct jail *files;
	int control; /* to kastellan-vm; -1 once it has hung up */
	int terminal; /* the caller's end of the worker's; -1 without one, or once it is taken */
	int audit; /* where the decisions about its network go, or -1 */
	ks_egress_pool *pool; /* whose proxy leads it there, or NULL */
	int complaints; /* what kastellan-files had to say */
	int patience; /* a timer: what was asked to end has to by then; -1 before */
	const char *architecture; /* of system calls (static) */
	bool started; /* the worker's program */
	bool killed; /* somebody wanted its end */
	bool exited; /* the worker's end was told */
	struct ending machine_ending; /* of kastellan-vm and kastellan-files, not of the worker */
	struct ending files_ending;
	struct jail_usage machine_usage; /* kept after the end, as the next */
	struct jail_usage files_usage;
	uint64_t machine_before; /* what either had used when the program started */
	uint64_t files_before;
	struct channel_usage guest;
	bool guest_known;
	struct network_report network; /* of the machine's jail, once that is gone */
	ks_error *broken; /* what ended it before its time */
	bool restored; /* the guest comes from a template, */
	char template_key[SHA256_TEXT]; /* which is this one's */
	const char *booted_because; /* else why not, in words (static) */
};

/* Boots until a guest comes up: one that starts while its host has no time for it may not. */
#define VM_BOOT_TRIES 4u

/* What the machine starts with; -1 where it is not open. */
struct vm_parts {
	int control[2]; /* ours, kastellan-vm's */
	int port[2]; /* of the files: the server's, the emulator's */
	int complaints[2];
	int terminal[2]; /* of a worker with one: the caller's end, kastellan-vm's */
	int null;
	int order;
	int spec;
	int initramfs;
	int template; /* where a guest comes from, or is written to */
	char files[SHA256_TEXT]; /* what the initramfs is made of; empty: not known */
};

/* What becomes of the guest. */
enum vm_mode {
	VM_BOOTS,
	VM_IS_RESTORED,
	VM_IS_WRITTEN, /* it boots, and is written as a template; nobody works in it */
};

/* parts.c: everything that is handed over, made. */
void vm_parts_init(struct vm_parts *parts);
void vm_parts_done(struct vm_parts *parts);
/* The sockets. 0 or -errno. */
int vm_parts_open(struct vm_parts *parts);
/* kastellan-vm's order. 0 or -errno. */
int vm_parts_order(
	const struct ks_plan *plan, enum vm_mode mode, bool late, struct vm_parts *parts);
/* All but the order and the template. */
int vm_parts_make(const struct vm_program *program, struct vm_parts *parts, ks_error **reterr);

/* late.c */

/* PROGRAM, to a machine that waits. */
int vm_tell_program(struct vm_jail *vm, const struct vm_program *program, ks_error **reterr);

/* template.c */

/* The template for the guest of the plan, opened; made where there is none yet. The parts have
 * their initramfs. NULL, or why there is none (static). */
const char *vm_template_open(const struct ks_plan *plan, const struct ks_host *host,
	struct vm_parts *parts, char ret_key[SHA256_TEXT]);
/* No guest came out of it. */
void vm_template_spoilt(const char key[SHA256_TEXT]);

/* boot.c: the initramfs, as a sealed file, and what it is made of. 0 or -errno. */
int vm_make_initramfs(const struct vm_plan *vm, struct vm_parts *parts, ks_error **reterr);

/* jails.c: both jails, running. */
int vm_start_machine(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *outer, const struct vm_parts *parts, struct jail **ret_jail,
	ks_error **reterr);
int vm_start_files(const struct ks_plan *plan, const struct ks_host *host,
	const struct vm_parts *parts, struct jail **ret_jail, ks_error **reterr);

/* follow.c */

/* The next message of kastellan-vm: 1, 0 = none, or it has hung up (control is -1 then). */
int vm_hear(struct vm_jail *vm, struct control_message *ret);
/* Takes in what became of the two jails; the first failure is kept in vm->broken. *ret_memory: as
 * for a jail. 0 or -errno. */
int vm_look_after(struct vm_jail *vm, bool *ret_memory, ks_error **reterr);

#endif
