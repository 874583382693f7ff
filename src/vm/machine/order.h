/* SPDX-License-Identifier: Apache-2.0 */
/* How kastellan-vm is started: by the init of a jail of its own, with the worker's stdio as its own
 * 0, 1 and 2, no arguments, and these descriptors. It says to the supervisor what init says
 * without a VM, by the messages of linux/control.h (READY, STARTED, DENIED, FAILED, EXIT), with
 * GUEST_USAGE before EXIT; and hears what init hears (GO without descriptors, SIGNAL, WINSIZE,
 * KILL, PROGRAM). FAILED can come after STARTED as well: then the VM has broken its word or its
 * neck, and the step is "machine" (the emulator) or "channel" (the guest). The hang-up of the
 * control socket ends it and the VM. */
#ifndef KS_VM_MACHINE_ORDER_H
#define KS_VM_MACHINE_ORDER_H

#include <errno.h>
#include <stdint.h>

enum machine_slot {
	MACHINE_SLOT_CONTROL = 3, /* SOCK_SEQPACKET to the supervisor */
	MACHINE_SLOT_ORDER = 4, /* sealed memfd: struct machine_order and strings */
	MACHINE_SLOT_SPEC = 5, /* sealed memfd, linux/spec.h: what the guest's init is told */
	MACHINE_SLOT_INITRAMFS = 6, /* for the emulator: -initrd /proc/self/fd/6 */
	MACHINE_SLOT_FILES = 7, /* for the emulator: its chardev of the port "files"; absent: the
				   initramfs is all the guest has */
	MACHINE_SLOT_TEMPLATE = 8, /* with MACHINE_TEMPLATE where the snapshot is written; with
				      MACHINE_RESTORED, for the emulator, where it is read from:
				      -incoming fd:8. A file, its offset at the start */
	MACHINE_SLOT_CHANNEL = 9, /* for the emulator: its chardev of the port "ctl", made by
				     kastellan-vm, as the next */
	MACHINE_SLOT_QMP = 10, /* with MACHINE_TEMPLATE, for the emulator: the chardev of its
				  monitor, made by kastellan-vm */
};

/* The code of FAILED where the guest has ended or stands still before it has said anything. Another
 * boot may be better: an emulated kernel measures its timer when it starts, and cannot where the
 * host's processors are taken away from it just then. */
#define MACHINE_NOT_UP ECONNABORTED

#define MACHINE_FIRST_FD 24 /* above every slot: those that kastellan-vm opens for itself */

#define MACHINE_ORDER_MAGIC 0x6b6d6f31u /* "kmo1" */
#define MACHINE_ORDER_VERSION 1u
#define MACHINE_MAX_ARGS 128

enum {
	MACHINE_RESTORED = 1 << 0, /* the guest comes from a snapshot, and has said HELLO then */
	MACHINE_TEMPLATE = 1 << 1, /* only boot, write a snapshot, say READY and end. There is no
				      worker, and nothing is told to the guest */
	MACHINE_VSOCK = 1 << 2, /* the emulator is Firecracker: the guest's connection to a port P
				   arrives at the path of its vsock and "_P", where kastellan-vm
				   listens. It gets no slot but the initramfs; the files are passed
				   on between the guest's connection and MACHINE_SLOT_FILES */
	MACHINE_LATE = 1 << 3, /* without a spec and stdio: the guest is made ready for a worker,
				  ARMED says so, and PROGRAM brings both. Its four descriptors: the
				  spec, from its beginning on, stdin, stdout, stderr */
};

/* In the byte order of the machine. n_args strings follow, each with its NUL: the argv of the
 * emulator, its absolute path first. With MACHINE_VSOCK one more: the path of its vsock. */
struct machine_order {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole text, this head included */
	uint32_t flags; /* MACHINE_* */
	uint64_t memory_bytes; /* of the worker's control group in the guest; 0: no limit */
	uint32_t tasks;
	uint32_t cpu_quota_pct;
	uint32_t n_args;
	uint32_t connections; /* of the worker's, at once; 0: the machine has no network. Else
				 kastellan-vm is in one whose every address leads to the
				 egress proxy */
};

#endif
