/* SPDX-License-Identifier: Apache-2.0 */
/* The words that the rules about arguments are written in: rules.c and rules_egress.c. */
#ifndef KS_LINUX_SECCOMP_CLAUSES_H
#define KS_LINUX_SECCOMP_CLAUSES_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "linux/seccomp/table.h"

#define REFUSE(error) SECCOMP_VERDICT_ERRNO(error)
/* Nothing is done, and the caller is told that it was. */
#define PRETEND SECCOMP_VERDICT_ERRNO(0)
#define GRANT SECCOMP_RET_ALLOW
#define HAND_OVER SECCOMP_VERDICT_ASK

#define MASKED(arg, bits, wanted)             \
	{                                     \
		(arg), 0, 0, (bits), (wanted) \
	}
#define IS(arg, wanted) MASKED(arg, UINT32_MAX, wanted)
#define NO_BIT(arg, bits) MASKED(arg, bits, 0)
#define ANY_BIT(arg, bits)             \
	{                              \
		(arg), 0, 1, (bits), 0 \
	}
#define IS_NOT(arg, unwanted)                       \
	{                                           \
		(arg), 0, 1, UINT32_MAX, (unwanted) \
	}
#define HIGH_IS_ZERO(arg)                  \
	{                                  \
		(arg), 1, 0, UINT32_MAX, 0 \
	}
#define IS_NULL(arg) IS(arg, 0), HIGH_IS_ZERO(arg)
#define WHEN(verdict, ...)          \
	{                           \
		(verdict),          \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

#define TYPE_IS(type) MASKED(1, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), type)

/* No raw, ping, MPTCP or SCTP socket: a protocol named is the one that the type means anyway. */
#define INET_SOCKETS(family)                                                          \
	WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_STREAM), IS(2, 0)),                   \
		WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_STREAM), IS(2, IPPROTO_TCP)), \
		WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_DGRAM), IS(2, 0)),            \
		WHEN(GRANT, IS(0, family), TYPE_IS(SOCK_DGRAM), IS(2, IPPROTO_UDP)),  \
		WHEN(REFUSE(EPROTONOSUPPORT), IS(0, family))

#define PLAIN(action, verdict, words) [ACTION_##action] = {#action, words, verdict, 0, NULL}
#define CHECK(action, list, default_verdict, words)           \
	[ACTION_##action] = {#action, words, default_verdict, \
		sizeof(list##_clauses) / sizeof(list##_clauses[0]), list##_clauses}

#endif
