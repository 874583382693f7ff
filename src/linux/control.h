/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of one jail, the descriptors they start with and the messages between them.
 *
 *   supervisor (the library's caller)
 *     └─ monitor    kastellan-init, host namespaces: prepares mounts, starts the helper, outlives
 *         │         the supervisor just long enough to end and remove everything
 *         └─ helper bwrap
 *             └─ init      kastellan-init as pid 1 of the jail: reaps, forwards signals, reports
 *                 └─ worker   the program, in its own session and control group
 *
 * The Native backend has no helper: the monitor's own child makes the jail from within, and then is
 * init. Where "helper" is said below, that is this child.
 *
 * Two SOCK_SEQPACKET pairs: supervisor-monitor and supervisor-init. The end of the supervisor's
 * side (hang-up) means that the supervisor is gone, and is acted upon by both. */
#ifndef KS_LINUX_CONTROL_H
#define KS_LINUX_CONTROL_H

#include <stdint.h>

#include "linux/control_message.h"

/* Descriptors by number in monitor, helper and init. 0 and 1 are /dev/null, 2 is the pipe that
 * collects what the helper has to complain about. */
enum control_slot {
	SLOT_MONITOR = 3, /* control socket of the monitor; closed before the helper starts */
	SLOT_INIT = 4, /* control socket of init */
	SLOT_SPEC = 5, /* sealed memfd, spec.h */
	SLOT_INIT_EXE = 6, /* kastellan-init, O_PATH-free: executed through /proc/self/fd */
	SLOT_ROOT = 7, /* without a helper, with SPEC_FLAG_ROOT: a detached mount */
	SLOT_HELPER_EXE = 7, /* bwrap; absent without a helper, as the next */
	SLOT_HELPER_ARGS = 8, /* memfd for bwrap --args */
	SLOT_SUPERVISOR = 9, /* pidfd of the supervisor; the monitor's only */
	SLOT_MONITOR_PROCESS = 9, /* pidfd of the monitor, or without a helper a socket of its; from
				     the helper on, for init to watch */
	SLOT_STDIN = 10, /* the worker's stdio; absent with a terminal of its own */
	SLOT_STDOUT = 11,
	SLOT_STDERR = 12,
	SLOT_DATA =
		13, /* for the helper: first of the generated files (MOUNT_DATA), one each ... */
	SLOT_DATA_MAX = 18,
	SLOT_EXTRA = SLOT_DATA, /* without a helper: first of the worker's further descriptors, as
				   many as SPEC_EXTRA says */
	SLOT_EGRESS = 19, /* to the egress proxy; once the network is made, its namespace, by which
			     init knows it. Closed before the worker is near. Absent without
			     SPEC_EGRESS */
	SLOT_GRANT = 20, /* first of the grants' descriptors, one each, in plan order */
};

enum control_type {
	/* supervisor to monitor */
	CONTROL_GROUP =
		1, /* NUL-terminated directories: end all in them and remove them at the end */
	/* supervisor to init */
	CONTROL_GO, /* with up to 4 descriptors: write "0" to each to join the group, then start */
	CONTROL_SIGNAL, /* value: signal number for the worker's process group */
	CONTROL_WINSIZE, /* struct spec_winsize as data: rows and columns of the terminal */
	CONTROL_KILL, /* end the whole jail */
	CONTROL_PROGRAM, /* with SPEC_FLAG_LATE, once, passed on to the worker; CONTROL_PROGRAM_FDS
			    descriptors: a spec with SPEC_ARG alone, stdin, stdout, stderr */
	/* init to supervisor */
	CONTROL_READY, /* init is up and the grants are verified; with SPEC_EGRESS a descriptor:
			  the jail's network namespace. Without, it is left out where CONTROL_GO
			  has come already */
	CONTROL_TTY, /* with one descriptor: the terminal's master */
	CONTROL_ARMED, /* with SPEC_FLAG_LATE: all is in force, and the worker waits for its program
			*/
	CONTROL_STARTED, /* the program has been executed; value: its pid inside */
	CONTROL_FAILED, /* value: errno; data: step NUL detail NUL. Nothing was executed */
	CONTROL_DENIED, /* value: system-call number; data: uint32_t pid, 1 if the main process */
	CONTROL_EXIT, /* value: wait status of the program; data: struct control_usage */
	/* monitor to supervisor */
	CONTROL_HELPER_EXIT, /* value: wait status of the helper */
	CONTROL_MONITOR_FAILED, /* as CONTROL_FAILED, before the helper started */
	/* kastellan-vm to supervisor */
	CONTROL_GUEST_USAGE, /* before CONTROL_EXIT; data: struct channel_usage (vm/channel/frame.h)
			      */
	/* supervisor to monitor */
	CONTROL_GROUPS_GONE, /* the directories of CONTROL_GROUP: nothing is left to do, and nothing
				more is said */
};

#define CONTROL_PROGRAM_FDS 4

struct control_denied {
	uint32_t pid; /* inside */
	uint32_t is_main; /* 1: the worker's first process */
	uint32_t arch; /* AUDIT_ARCH_* */
	uint32_t zero;
};

/* From wait4() of the program alone; the group's counters know the rest. */
struct control_usage {
	uint64_t user_usec;
	uint64_t system_usec;
	uint64_t max_rss_kib;
};

/* Exit statuses of init and monitor themselves; the outcome never depends on them. */
enum { INIT_EXIT_DONE = 0, INIT_EXIT_FAILED = 125, INIT_EXIT_ORPHANED = 126 };

#endif
