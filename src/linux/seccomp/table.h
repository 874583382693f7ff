/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls and the rules about their arguments, as the generator and the tests
 * read them. Everybody else uses seccomp_filters.h. */
#ifndef KS_LINUX_SECCOMP_TABLE_H
#define KS_LINUX_SECCOMP_TABLE_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_machine { MACHINE_X86_64, MACHINE_AARCH64, MACHINE_COUNT };

#define SECCOMP_PROFILES 2 /* WorkerStrict, WorkerNetClient: enum ks_profile */

/* x32 calls carry this bit; with all bits set the number is no call at all. */
#define SECCOMP_X32_BIT 0x40000000u
/* x32 has these numbers for itself, and kernels before 5.4 took them without its bit. */
#define SECCOMP_X32_FIRST 512u
#define SECCOMP_X32_LAST 547u

/* Every action that syscalls.def may name, then those that come from elsewhere. */
#define SECCOMP_ACTIONS(X) \
	X(ALLOW)           \
	X(EPERM)           \
	X(ENOSYS)          \
	X(EAFNOSUPPORT)    \
	X(EOPNOTSUPP)      \
	X(ASK)             \
	X(KILL)            \
	X(IF_CLONE)        \
	X(IF_UNSHARE)      \
	X(IF_FCNTL)        \
	X(IF_IOCTL)        \
	X(IF_PRCTL)        \
	X(IF_PERSONALITY)  \
	X(IF_OPEN)         \
	X(IF_OPENAT)       \
	X(IF_MODE_1)       \
	X(IF_MODE_2)       \
	X(IF_MKNOD)        \
	X(IF_MKNODAT)      \
	X(IF_SETRLIMIT)    \
	X(IF_PRLIMIT)      \
	X(IF_SOCKET)       \
	X(IF_SOCKETPAIR)   \
	X(IF_SENDTO_PAIR)  \
	X(IF_SENDTO)       \
	X(IF_SENDMSG)      \
	X(IF_SENDMMSG)     \
	X(IF_SETSOCKOPT)   \
	X(IF_KILL)         \
	X(IF_FCNTL_HOST)   \
	X(IF_IOCTL_HOST)   \
	X(IF_SELF)         \
	X(IF_SETPRIORITY)  \
	X(IF_IOPRIO_SET)   \
	X(IF_OPEN_HOST)    \
	X(IF_OPENAT_HOST)  \
	X(IF_OPEN_OLD)     \
	X(IF_OPENAT_OLD)   \
	X(IF_ASK_MODE_1)   \
	X(IF_ASK_MODE_2)   \
	X(FOREIGN) /* numbers of another ABI of the same machine */

/* Those that only egress.def, files.def and machine.def name. */
#define SECCOMP_EGRESS_ACTIONS(X) \
	X(IF_THREAD)              \
	X(IF_READS_1)             \
	X(IF_READS_2)             \
	X(IF_NO_CODE)             \
	X(IF_CODE_OF_FILE)        \
	X(IF_PLAIN_FCNTL)         \
	X(IF_PLAIN_IOCTL)         \
	X(IF_RELAY_SOCKET)        \
	X(IF_RELAY_OPTION)        \
	X(IF_RESOLVER_SOCKET)     \
	X(IF_RECORD_LOCK)         \
	X(IF_LOCAL_SOCKET)        \
	X(IF_LOCAL_OR_NET_SOCKET)

enum seccomp_action {
#define SECCOMP_ACTION(name) ACTION_##name,
	SECCOMP_ACTIONS(SECCOMP_ACTION) ACTION_FIRST_OF_EGRESS,
	ACTION_BEFORE_EGRESS = ACTION_FIRST_OF_EGRESS - 1,
	SECCOMP_EGRESS_ACTIONS(SECCOMP_ACTION)
#undef SECCOMP_ACTION
		ACTION_COUNT
};

/* The KILL class, as the variant with a listener spells it; the other one says KILL_PROCESS. */
#define SECCOMP_VERDICT_KILL SECCOMP_RET_USER_NOTIF
/* A call that the listener answers; the kernel does not look at the lower bits. EPERM without one.
 */
#define SECCOMP_VERDICT_ASK (SECCOMP_RET_USER_NOTIF | 1)
#define SECCOMP_VERDICT_ERRNO(error) (SECCOMP_RET_ERRNO | (error))

/* One comparison: half of an argument, masked, equal to the value or not. The kernel cuts most
 * arguments to 32 bits before it looks at them, so the low half is what counts: a comparison of all
 * 64 would let the same call through with a bit set above. A mask of 0 ends the list. */
struct seccomp_test {
	uint8_t arg;
	uint8_t high;
	uint8_t differs;
	uint32_t mask;
	uint32_t value;
};

#define SECCOMP_MAX_TESTS 4

/* All tests hold: the verdict is given. */
struct seccomp_clause {
	uint32_t verdict; /* SECCOMP_RET_* */
	struct seccomp_test tests[SECCOMP_MAX_TESTS];
};

/* What an action means: the first clause that holds decides, else `otherwise`. */
struct seccomp_rule {
	const char *name;
	const char *text; /* for the documentation, to be read after the call's name */
	uint32_t otherwise;
	size_t count;
	const struct seccomp_clause *clauses;
};

struct seccomp_row {
	const char *name;
	int numbers[MACHINE_COUNT]; /* -1 where the machine lacks the call */
	enum seccomp_action actions[SECCOMP_PROFILES];
	const char *reason;
};

/* A call that is answered otherwise in another place. */
struct seccomp_host_row {
	const char *name;
	enum seccomp_action actions[2]; /* by 1 where Landlock holds signals; of egress.def, by 1
					   for the resolver; of machine.def, by 1 with a network */
	const char *reason;
};

const struct seccomp_row *seccomp_table(size_t *ret_count);
const struct seccomp_host_row *seccomp_host_table(size_t *ret_count);
const struct seccomp_host_row *seccomp_egress_table(size_t *ret_count);
/* The first of the actions, as in the next. */
const struct seccomp_host_row *seccomp_files_table(size_t *ret_count);
const struct seccomp_host_row *seccomp_machine_table(size_t *ret_count);
const struct seccomp_rule *seccomp_rule_of(enum seccomp_action action);
extern const struct seccomp_rule seccomp_egress_rules[ACTION_COUNT - ACTION_FIRST_OF_EGRESS];

#endif
