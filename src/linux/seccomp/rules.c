/* SPDX-License-Identifier: Apache-2.0 */
/* What each action of syscalls.def means, and which arguments decide where they do.
 *
 * A filter sees registers alone, never what they point to. Constants that older headers lack are
 * spelled here; they are the same on x86_64 and aarch64. */
#include <errno.h>
#include <fcntl.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "linux/seccomp/clauses.h"

#define NEW_NAMESPACE                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)

/* A child of the worker's parent would be a stranger among the children of init or of the caller.
 * CLONE_NEWTIME lies within clone's exit signal and is for clone3 and unshare alone. */
static const struct seccomp_clause clone_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(0, NEW_NAMESPACE | CLONE_PARENT)),
};

static const struct seccomp_clause unshare_clauses[] = {
	WHEN(GRANT, NO_BIT(0, ~(uint32_t)(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM))),
};

#define SET_LEASE 1024 /* F_SETLEASE; a name that only GNU headers give */
#define SET_DELEGATION 1040 /* F_SETDELEG of Linux 6.19 */

/* Whoever opens a leased file waits until the holder gives way, or for most of a minute: programs
 * of the host, too, and a read-only grant is enough. File systems without leases answer the same.
 */
#define NO_LEASES \
	WHEN(REFUSE(EINVAL), IS(1, SET_LEASE)), WHEN(REFUSE(EINVAL), IS(1, SET_DELEGATION))

static const struct seccomp_clause fcntl_clauses[] = {NO_LEASES};

#define SET_OWNER 8 /* F_SETOWN */
#define SET_OWNER_OF_KIND 15 /* F_SETOWN_EX */

/* The owner of a descriptor is sent a signal of choice, which the kernel sends to whom the same
 * user's kill() would reach. */
static const struct seccomp_clause fcntl_host_clauses[] = {
	NO_LEASES,
	WHEN(REFUSE(EPERM), IS(1, SET_OWNER)),
	WHEN(REFUSE(EPERM), IS(1, SET_OWNER_OF_KIND)),
};

/* A number of the console's keyboard and screen families, whose upper bytes are zero. */
#define CONSOLE_FAMILY(letter) MASKED(1, 0xffffff00u, (uint32_t)(letter) << 8)

/* Input pushed into a terminal, in two ways; the console's output redirected; another line
 * discipline, which is much kernel code; the caller locked out of its own terminal. Keyboard maps
 * and fonts outlive the worker, and ENOTTY is what every terminal but a console answers to them. */
#define TERMINALS                                                                                \
	WHEN(REFUSE(EPERM), IS(1, TIOCSTI)), WHEN(REFUSE(EPERM), IS(1, TIOCLINUX)),              \
		WHEN(REFUSE(EPERM), IS(1, TIOCCONS)), WHEN(REFUSE(EPERM), IS(1, TIOCSETD)),      \
		WHEN(REFUSE(EPERM), IS(1, TIOCEXCL)), WHEN(REFUSE(ENOTTY), CONSOLE_FAMILY('K')), \
		WHEN(REFUSE(ENOTTY), CONSOLE_FAMILY('V'))

static const struct seccomp_clause ioctl_clauses[] = {TERMINALS};

#define SET_FILE_FLAGS _IOW('f', 2, long) /* FS_IOC_SETFLAGS */
#define SET_FILE_FLAGS_32 _IOW('f', 2, int)
#define SET_FILE_ATTRIBUTES 0x401c5820u /* FS_IOC_FSSETXATTR */

/* Flags of a file are set through a descriptor for reading, too; without a read-only mount nothing
 * else stands before them. */
static const struct seccomp_clause ioctl_host_clauses[] = {
	TERMINALS,
	WHEN(REFUSE(EPERM), IS(1, FIOSETOWN)),
	WHEN(REFUSE(EPERM), IS(1, SIOCSPGRP)),
	WHEN(REFUSE(ENOTTY), IS(1, SET_FILE_FLAGS)),
	WHEN(REFUSE(ENOTTY), IS(1, SET_FILE_FLAGS_32)),
	WHEN(REFUSE(ENOTTY), IS(1, SET_FILE_ATTRIBUTES)),
};

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_SME_SET_VL
#define PR_SME_SET_VL 63
#define PR_SME_GET_VL 64
#endif
#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif
#ifndef PR_GET_SHADOW_STACK_STATUS
#define PR_GET_SHADOW_STACK_STATUS 74
#define PR_SET_SHADOW_STACK_STATUS 75
#define PR_LOCK_SHADOW_STACK_STATUS 76
#endif

#define OPTION(name) WHEN(GRANT, IS(0, name))

/* Options that concern the caller alone, or that the kernel refuses for want of a capability. Left
 * out, so answered as by a kernel that lacks them: PR_SET_MM (forges /proc/self/exe and the command
 * line), PR_SET_PTRACER, PR_SCHED_CORE, PR_SET_MEMORY_MERGE (a side channel), PR_SET_IO_FLUSHER,
 * PR_SET_SYSCALL_USER_DISPATCH, the perf switches, and whatever is newer. PR_SET_PDEATHSIG may
 * stay: a fork sheds the signal anyway, so the jail's life never hangs on it. */
static const struct seccomp_clause prctl_clauses[] = {
	OPTION(PR_SET_NAME),
	OPTION(PR_GET_NAME),
	OPTION(PR_SET_VMA),
	OPTION(PR_CAPBSET_READ),
	OPTION(PR_CAPBSET_DROP),
	OPTION(PR_SET_PDEATHSIG),
	OPTION(PR_GET_PDEATHSIG),
	OPTION(PR_GET_DUMPABLE),
	OPTION(PR_SET_DUMPABLE),
	OPTION(PR_GET_KEEPCAPS),
	OPTION(PR_SET_KEEPCAPS),
	OPTION(PR_GET_TIMING),
	OPTION(PR_SET_TIMING),
	OPTION(PR_GET_SECCOMP),
	OPTION(PR_SET_SECCOMP),
	OPTION(PR_GET_TSC),
	OPTION(PR_SET_TSC),
	OPTION(PR_GET_SECUREBITS),
	OPTION(PR_SET_SECUREBITS),
	OPTION(PR_SET_TIMERSLACK),
	OPTION(PR_GET_TIMERSLACK),
	OPTION(PR_MCE_KILL),
	OPTION(PR_MCE_KILL_GET),
	OPTION(PR_SET_CHILD_SUBREAPER),
	OPTION(PR_GET_CHILD_SUBREAPER),
	OPTION(PR_SET_NO_NEW_PRIVS),
	OPTION(PR_GET_NO_NEW_PRIVS),
	OPTION(PR_GET_TID_ADDRESS),
	OPTION(PR_SET_THP_DISABLE),
	OPTION(PR_GET_THP_DISABLE),
	OPTION(PR_CAP_AMBIENT),
	OPTION(PR_SVE_SET_VL),
	OPTION(PR_SVE_GET_VL),
	OPTION(PR_SME_SET_VL),
	OPTION(PR_SME_GET_VL),
	OPTION(PR_GET_SPECULATION_CTRL),
	OPTION(PR_SET_SPECULATION_CTRL),
	OPTION(PR_PAC_RESET_KEYS),
	OPTION(PR_PAC_SET_ENABLED_KEYS),
	OPTION(PR_PAC_GET_ENABLED_KEYS),
	OPTION(PR_SET_TAGGED_ADDR_CTRL),
	OPTION(PR_GET_TAGGED_ADDR_CTRL),
	OPTION(PR_SET_MDWE),
	OPTION(PR_GET_MDWE),
	OPTION(PR_GET_AUXV),
	OPTION(PR_GET_SHADOW_STACK_STATUS),
	OPTION(PR_SET_SHADOW_STACK_STATUS),
	OPTION(PR_LOCK_SHADOW_STACK_STATUS),
};

/* All bits set asks for the present value. Sanitizers and emacs start again without randomisation,
 * which weakens nobody else. */
static const struct seccomp_clause personality_clauses[] = {
	WHEN(GRANT, IS(0, PER_LINUX)),
	WHEN(GRANT, IS(0, UINT32_MAX)),
	WHEN(GRANT, IS(0, ADDR_NO_RANDOMIZE)),
};

#define SET_ID (S_ISUID | S_ISGID)
/* The bit of O_TMPFILE that is its own; the rest of it is O_DIRECTORY. */
#define CREATES (O_CREAT | 020000000)

/* Without a file to create the mode is whatever the register held, and means nothing. */
static const struct seccomp_clause open_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(1, CREATES), ANY_BIT(2, SET_ID)),
};
static const struct seccomp_clause openat_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(2, CREATES), ANY_BIT(3, SET_ID)),
};

/* The third mode is for ioctl alone, and Landlock asks no right for it. */
#define NO_STRANGE_MODE(arg) WHEN(REFUSE(EACCES), MASKED(arg, O_ACCMODE, O_ACCMODE))
/* Nor, before ABI 3, for truncating what is opened for reading. */
#define NO_READING_TRUNCATION(arg) WHEN(REFUSE(EACCES), MASKED(arg, O_ACCMODE | O_TRUNC, O_TRUNC))

static const struct seccomp_clause open_host_clauses[] = {
	NO_STRANGE_MODE(1),
	WHEN(REFUSE(EPERM), ANY_BIT(1, CREATES), ANY_BIT(2, SET_ID)),
};
static const struct seccomp_clause openat_host_clauses[] = {
	NO_STRANGE_MODE(2),
	WHEN(REFUSE(EPERM), ANY_BIT(2, CREATES), ANY_BIT(3, SET_ID)),
};
static const struct seccomp_clause open_old_clauses[] = {
	NO_STRANGE_MODE(1),
	NO_READING_TRUNCATION(1),
	WHEN(REFUSE(EPERM), ANY_BIT(1, CREATES), ANY_BIT(2, SET_ID)),
};
static const struct seccomp_clause openat_old_clauses[] = {
	NO_STRANGE_MODE(2),
	NO_READING_TRUNCATION(2),
	WHEN(REFUSE(EPERM), ANY_BIT(2, CREATES), ANY_BIT(3, SET_ID)),
};

static const struct seccomp_clause ask_mode_1_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(1, SET_ID)),
};
static const struct seccomp_clause ask_mode_2_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(2, SET_ID)),
};

/* The own process group holds nobody but members of the jail. */
static const struct seccomp_clause kill_clauses[] = {
	WHEN(GRANT, IS(0, 0)),
};

static const struct seccomp_clause self_clauses[] = {
	WHEN(GRANT, IS(0, 0)),
};

static const struct seccomp_clause setpriority_clauses[] = {
	WHEN(GRANT, IS(0, PRIO_PROCESS), IS(1, 0)),
	WHEN(GRANT, IS(0, PRIO_PGRP), IS(1, 0)),
};

#define WHO_PROCESS 1 /* IOPRIO_WHO_PROCESS */
#define WHO_GROUP 2

static const struct seccomp_clause ioprio_set_clauses[] = {
	WHEN(GRANT, IS(0, WHO_PROCESS), IS(1, 0)),
	WHEN(GRANT, IS(0, WHO_GROUP), IS(1, 0)),
};

static const struct seccomp_clause mode_1_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(1, SET_ID)),
};
static const struct seccomp_clause mode_2_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(2, SET_ID)),
};

#define MKNOD_TYPES(arg)                                            \
	WHEN(GRANT, MASKED(arg, S_IFMT | SET_ID, 0)),               \
		WHEN(GRANT, MASKED(arg, S_IFMT | SET_ID, S_IFREG)), \
		WHEN(GRANT, MASKED(arg, S_IFMT | SET_ID, S_IFIFO)), \
		WHEN(GRANT, MASKED(arg, S_IFMT | SET_ID, S_IFSOCK))

static const struct seccomp_clause mknod_clauses[] = {MKNOD_TYPES(1)};
static const struct seccomp_clause mknodat_clauses[] = {MKNOD_TYPES(2)};

/* The core limit stands at one byte, which alone keeps the kernel from starting the host's core
 * handler; at zero it would start it. Programs with secrets set zero and give up when they cannot,
 * so they are told that they did: no core is written either way. */
static const struct seccomp_clause setrlimit_clauses[] = {
	WHEN(PRETEND, IS(0, RLIMIT_CORE)),
};

/* pid, resource, new limits, room for the old ones. Room that nobody fills would be read, so with
 * it the answer is an honest refusal. */
static const struct seccomp_clause prlimit_clauses[] = {
	WHEN(GRANT, IS(0, 0), IS_NULL(2)),
	WHEN(GRANT, IS(0, 0), IS_NOT(1, RLIMIT_CORE)),
	WHEN(PRETEND, IS(0, 0), IS_NULL(3)),
};

static const struct seccomp_clause socket_clauses[] = {
	INET_SOCKETS(AF_INET),
	INET_SOCKETS(AF_INET6),
};

/* A datagram socket of a pair can be connected anew, or sent from, to a socket of the host that
 * lies in a grant; SOCK_RAW means the same in this family. */
static const struct seccomp_clause socketpair_clauses[] = {
	WHEN(GRANT, IS(0, AF_UNIX), TYPE_IS(SOCK_STREAM)),
	WHEN(GRANT, IS(0, AF_UNIX), TYPE_IS(SOCK_SEQPACKET)),
	WHEN(REFUSE(ESOCKTNOSUPPORT), IS(0, AF_UNIX)),
};

/* MSG_FASTOPEN connects on the way, past the checks on connect; EOPNOTSUPP makes callers connect
 * first. */
#define NO_FAST_OPEN(arg) WHEN(REFUSE(EOPNOTSUPP), ANY_BIT(arg, MSG_FASTOPEN))

static const struct seccomp_clause sendto_pair_clauses[] = {
	NO_FAST_OPEN(3),
	WHEN(GRANT, IS_NULL(4)),
};
static const struct seccomp_clause sendto_clauses[] = {NO_FAST_OPEN(3)};
static const struct seccomp_clause sendmsg_clauses[] = {NO_FAST_OPEN(2)};
static const struct seccomp_clause sendmmsg_clauses[] = {NO_FAST_OPEN(3)};

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static const struct seccomp_clause setsockopt_clauses[] = {
	WHEN(REFUSE(ENOPROTOOPT), IS(1, IPPROTO_TCP), IS(2, TCP_ULP)),
};

static const struct seccomp_rule rules[ACTION_FIRST_OF_EGRESS] = {
	PLAIN(ALLOW, GRANT, "allowed"),
	PLAIN(EPERM, REFUSE(EPERM), "EPERM"),
	PLAIN(ENOSYS, REFUSE(ENOSYS), "ENOSYS"),
	PLAIN(EAFNOSUPPORT, REFUSE(EAFNOSUPPORT), "EAFNOSUPPORT"),
	PLAIN(EOPNOTSUPP, REFUSE(EOPNOTSUPP), "EOPNOTSUPP"),
	PLAIN(ASK, HAND_OVER, "done by init within grants and jail, else EPERM"),
	PLAIN(KILL, SECCOMP_VERDICT_KILL, "killed"),
	PLAIN(FOREIGN, SECCOMP_RET_KILL_PROCESS, "killed at once"),
	CHECK(IF_CLONE, clone, GRANT, "allowed without CLONE_NEW* and CLONE_PARENT, else EPERM"),
	CHECK(IF_UNSHARE, unshare, REFUSE(EPERM),
		"allowed for CLONE_FS, CLONE_FILES and CLONE_SYSVSEM, else EPERM"),
	CHECK(IF_FCNTL, fcntl, GRANT, "allowed but for leases (EINVAL)"),
	CHECK(IF_IOCTL, ioctl, GRANT,
		"allowed but for TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCEXCL (EPERM) and the "
		"console's keyboard and screen (ENOTTY)"),
	CHECK(IF_PRCTL, prctl, REFUSE(EINVAL),
		"allowed for options that concern the caller alone, else EINVAL"),
	CHECK(IF_PERSONALITY, personality, REFUSE(EPERM),
		"allowed for PER_LINUX, ADDR_NO_RANDOMIZE and the query, else EPERM"),
	CHECK(IF_OPEN, open, GRANT, "allowed; EPERM where it creates a file with set-id bits"),
	CHECK(IF_OPENAT, openat, GRANT, "allowed; EPERM where it creates a file with set-id bits"),
	CHECK(IF_MODE_1, mode_1, GRANT, "allowed without set-id bits, else EPERM"),
	CHECK(IF_MODE_2, mode_2, GRANT, "allowed without set-id bits, else EPERM"),
	CHECK(IF_MKNOD, mknod, REFUSE(EPERM),
		"allowed for files, FIFOs and sockets without set-id bits, else EPERM"),
	CHECK(IF_MKNODAT, mknodat, REFUSE(EPERM),
		"allowed for files, FIFOs and sockets without set-id bits, else EPERM"),
	CHECK(IF_SETRLIMIT, setrlimit, GRANT, "allowed; RLIMIT_CORE is left as it is, in silence"),
	CHECK(IF_PRLIMIT, prlimit, REFUSE(EPERM),
		"allowed for the caller itself; RLIMIT_CORE is left as it is, in silence; else "
		"EPERM"),
	CHECK(IF_SOCKET, socket, REFUSE(EAFNOSUPPORT),
		"allowed for TCP and UDP over AF_INET and AF_INET6, else EPROTONOSUPPORT or "
		"EAFNOSUPPORT"),
	CHECK(IF_SOCKETPAIR, socketpair, REFUSE(EAFNOSUPPORT),
		"allowed for AF_UNIX stream and seqpacket, else ESOCKTNOSUPPORT or EAFNOSUPPORT"),
	CHECK(IF_SENDTO_PAIR, sendto_pair, REFUSE(EPERM), "allowed without an address, else EPERM"),
	CHECK(IF_SENDTO, sendto, GRANT, "allowed without MSG_FASTOPEN, else EOPNOTSUPP"),
	CHECK(IF_SENDMSG, sendmsg, GRANT, "allowed without MSG_FASTOPEN, else EOPNOTSUPP"),
	CHECK(IF_SENDMMSG, sendmmsg, GRANT, "allowed without MSG_FASTOPEN, else EOPNOTSUPP"),
	CHECK(IF_SETSOCKOPT, setsockopt, GRANT, "allowed but for TCP_ULP (ENOPROTOOPT)"),
	CHECK(IF_KILL, kill, HAND_OVER,
		"allowed for the own process group; done by init within the jail, else EPERM"),
	CHECK(IF_FCNTL_HOST, fcntl_host, GRANT,
		"allowed but for leases (EINVAL) and owners (EPERM)"),
	CHECK(IF_IOCTL_HOST, ioctl_host, GRANT,
		"allowed but for what a worker in namespaces is refused, owners (EPERM) and "
		"attributes of files (ENOTTY)"),
	CHECK(IF_SELF, self, REFUSE(EPERM), "allowed for the caller itself, else EPERM"),
	CHECK(IF_SETPRIORITY, setpriority, REFUSE(EPERM),
		"allowed for the caller itself and its process group, else EPERM"),
	CHECK(IF_IOPRIO_SET, ioprio_set, REFUSE(EPERM),
		"allowed for the caller itself and its process group, else EPERM"),
	CHECK(IF_OPEN_HOST, open_host, GRANT,
		"allowed; EPERM where it creates a file with set-id bits, EACCES for the mode that "
		"neither reads nor writes"),
	CHECK(IF_OPENAT_HOST, openat_host, GRANT,
		"allowed; EPERM where it creates a file with set-id bits, EACCES for the mode that "
		"neither reads nor writes"),
	CHECK(IF_OPEN_OLD, open_old, GRANT,
		"allowed; EPERM where it creates a file with set-id bits, EACCES for the mode that "
		"neither reads nor writes, and for truncating while reading"),
	CHECK(IF_OPENAT_OLD, openat_old, GRANT,
		"allowed; EPERM where it creates a file with set-id bits, EACCES for the mode that "
		"neither reads nor writes, and for truncating while reading"),
	CHECK(IF_ASK_MODE_1, ask_mode_1, HAND_OVER,
		"done by init within grants without set-id bits, else EPERM"),
	CHECK(IF_ASK_MODE_2, ask_mode_2, HAND_OVER,
		"done by init within grants without set-id bits, else EPERM"),
};

const struct seccomp_rule *seccomp_rule_of(enum seccomp_action action)
{
	return action < ACTION_FIRST_OF_EGRESS
		       ? &rules[action]
		       : &seccomp_egress_rules[action - ACTION_FIRST_OF_EGRESS];
}
