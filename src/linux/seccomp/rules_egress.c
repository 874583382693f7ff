/* SPDX-License-Identifier: Apache-2.0 */
/* What each action of egress.def and files.def means. The lists are of what is allowed: these are
 * our own programs, and what they need is known. */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "linux/seccomp/clauses.h"

#define THREAD (CLONE_VM | CLONE_THREAD)

static const struct seccomp_clause thread_clauses[] = {
	WHEN(GRANT, MASKED(0, THREAD, THREAD)),
};

#define CHANGES (O_ACCMODE | O_CREAT | O_TRUNC | 020000000 /* of O_TMPFILE */)

static const struct seccomp_clause reads_1_clauses[] = {WHEN(GRANT, NO_BIT(1, CHANGES))};
static const struct seccomp_clause reads_2_clauses[] = {WHEN(GRANT, NO_BIT(2, CHANGES))};

static const struct seccomp_clause no_code_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(2, PROT_EXEC)),
};

/* Code comes from a library alone, which Landlock chooses, and is never written. */
static const struct seccomp_clause code_of_file_clauses[] = {
	WHEN(REFUSE(EPERM), ANY_BIT(2, PROT_EXEC), ANY_BIT(2, PROT_WRITE)),
	WHEN(REFUSE(EPERM), ANY_BIT(2, PROT_EXEC), ANY_BIT(3, MAP_ANONYMOUS)),
};

#define SET_PIPE_SIZE 1031 /* F_SETPIPE_SZ; names that only GNU headers give */
#define GET_PIPE_SIZE 1032

#define COMMAND(name) WHEN(GRANT, IS(1, name))

static const struct seccomp_clause plain_fcntl_clauses[] = {
	COMMAND(F_DUPFD),
	COMMAND(F_DUPFD_CLOEXEC),
	COMMAND(F_GETFD),
	COMMAND(F_SETFD),
	COMMAND(F_GETFL),
	COMMAND(F_SETFL),
	COMMAND(SET_PIPE_SIZE),
	COMMAND(GET_PIPE_SIZE),
};

static const struct seccomp_clause plain_ioctl_clauses[] = {
	COMMAND(FIONREAD), COMMAND(FIONBIO), COMMAND(TIOCOUTQ), /* SIOCOUTQ of a socket */
};

#define TCP_SOCKETS(family)                                         \
	WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_STREAM), IS(2, 0)), \
		WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_STREAM), IS(2, IPPROTO_TCP))

static const struct seccomp_clause relay_socket_clauses[] = {
	TCP_SOCKETS(AF_INET),
	TCP_SOCKETS(AF_INET6),
};

/* No unix socket: where it leads is a path, which no filter sees, and D-Bus is one of them. The C
 * library then asks the name servers itself. */
static const struct seccomp_clause resolver_socket_clauses[] = {
	INET_SOCKETS(AF_INET),
	INET_SOCKETS(AF_INET6),
	WHEN(GRANT, IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)),
};

#define SET(level, name) WHEN(GRANT, IS(1, level), IS(2, name))

/* Of newer or other headers; the same on both machines. */
#define OF_IP_PKTINFO 8
#define OF_IP_ORIGINAL 20 /* IP_RECVORIGDSTADDR */
#define OF_IPV6_ONLY 26 /* IPV6_V6ONLY */
#define OF_IPV6_PKTINFO 49 /* IPV6_RECVPKTINFO */
#define OF_IPV6_ORIGINAL 74 /* IPV6_RECVORIGDSTADDR */
#define OF_IPV6_FREEBIND 78 /* IPV6_FREEBIND: answers from whatever address was asked */

static const struct seccomp_clause relay_option_clauses[] = {
	SET(SOL_SOCKET, SO_LINGER),
	SET(SOL_SOCKET, SO_KEEPALIVE),
	SET(SOL_SOCKET, SO_RCVBUF),
	SET(SOL_SOCKET, SO_SNDBUF),
	SET(SOL_SOCKET, SO_RCVLOWAT),
	SET(SOL_SOCKET, SO_OOBINLINE),
	SET(IPPROTO_TCP, TCP_NODELAY),
	SET(IPPROTO_TCP, TCP_CORK),
	SET(IPPROTO_TCP, TCP_QUICKACK),
	SET(IPPROTO_TCP, TCP_KEEPIDLE),
	SET(IPPROTO_TCP, TCP_KEEPINTVL),
	SET(IPPROTO_TCP, TCP_KEEPCNT),
	SET(IPPROTO_TCP, TCP_USER_TIMEOUT),
	SET(IPPROTO_IP, OF_IP_PKTINFO),
	SET(IPPROTO_IP, OF_IP_ORIGINAL),
	SET(IPPROTO_IPV6, OF_IPV6_ONLY),
	SET(IPPROTO_IPV6, OF_IPV6_PKTINFO),
	SET(IPPROTO_IPV6, OF_IPV6_ORIGINAL),
	SET(IPPROTO_IPV6, OF_IPV6_FREEBIND),
};

#define SET_RECORD_LOCK 37 /* F_OFD_SETLK; names that only GNU headers give */
#define GET_RECORD_LOCK 36

static const struct seccomp_clause record_lock_clauses[] = {
	COMMAND(SET_RECORD_LOCK),
	COMMAND(GET_RECORD_LOCK),
};

#define LOCAL_SOCKETS WHEN(GRANT, IS(0, AF_UNIX), TYPE_IS(SOCK_STREAM), IS(2, 0))

static const struct seccomp_clause local_socket_clauses[] = {LOCAL_SOCKETS};
static const struct seccomp_clause local_or_net_socket_clauses[] = {
	LOCAL_SOCKETS,
	INET_SOCKETS(AF_INET),
	INET_SOCKETS(AF_INET6),
};

#define RULE(action, list, default_verdict, words)                                     \
	[ACTION_##action - ACTION_FIRST_OF_EGRESS] = {#action, words, default_verdict, \
		sizeof(list##_clauses) / sizeof(list##_clauses[0]), list##_clauses}

const struct seccomp_rule seccomp_egress_rules[ACTION_COUNT - ACTION_FIRST_OF_EGRESS] = {
	RULE(IF_THREAD, thread, REFUSE(EPERM), "allowed for threads, else EPERM"),
	RULE(IF_READS_1, reads_1, REFUSE(EACCES), "allowed for reading, else EACCES"),
	RULE(IF_READS_2, reads_2, REFUSE(EACCES), "allowed for reading, else EACCES"),
	RULE(IF_NO_CODE, no_code, GRANT, "allowed without PROT_EXEC, else EPERM"),
	RULE(IF_CODE_OF_FILE, code_of_file, GRANT,
		"allowed; EPERM for code that no file holds, or that is writable"),
	RULE(IF_PLAIN_FCNTL, plain_fcntl, REFUSE(EINVAL),
		"allowed for flags, copies and sizes of pipes, else EINVAL"),
	RULE(IF_PLAIN_IOCTL, plain_ioctl, REFUSE(ENOTTY),
		"allowed for FIONREAD, FIONBIO and SIOCOUTQ, else ENOTTY"),
	RULE(IF_RELAY_SOCKET, relay_socket, REFUSE(EAFNOSUPPORT),
		"allowed for TCP over AF_INET and AF_INET6, else EAFNOSUPPORT"),
	RULE(IF_RELAY_OPTION, relay_option, REFUSE(ENOPROTOOPT),
		"allowed for the options that the relay sets, else ENOPROTOOPT"),
	RULE(IF_RESOLVER_SOCKET, resolver_socket, REFUSE(EAFNOSUPPORT),
		"allowed for TCP and UDP over AF_INET and AF_INET6 and for NETLINK_ROUTE, else "
		"EAFNOSUPPORT"),
	RULE(IF_RECORD_LOCK, record_lock, REFUSE(EINVAL),
		"allowed for locks of open files that do not wait, else EINVAL"),
	RULE(IF_LOCAL_SOCKET, local_socket, REFUSE(EAFNOSUPPORT),
		"allowed for AF_UNIX stream, else EAFNOSUPPORT"),
	RULE(IF_LOCAL_OR_NET_SOCKET, local_or_net_socket, REFUSE(EAFNOSUPPORT),
		"allowed for AF_UNIX stream, and for TCP and UDP over AF_INET and AF_INET6, else "
		"EPROTONOSUPPORT or EAFNOSUPPORT"),
};
