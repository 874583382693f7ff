/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's processes, the descriptors it starts with and what is said over them.
 *
 *   owner (the library's caller, or the command that runs the proxy alone)
 *     └─ proxy      kastellan-egress: one process a worker, or one for many workers of one owner;
 *         │         confined before it takes a byte of any
 *         └─ resolver   its child, which alone asks the host's name service, as kastellan-names
 *
 * Two SOCK_SEQPACKET sockets, with the messages of control_message.h. The proxy has no path, port
 * or environment that anybody could reach it by. The end of the owner's side (hang-up), and that
 * of the process which made the socket, mean that the owner is gone: the proxy ends with it.
 *
 * A proxy for many hears EGRESS_POOL first, and then EGRESS_TENANT for each worker. That brings a
 * socket of the worker's own, over which all that concerns it is said, in both directions, as it is
 * to a proxy of its own. Whom a message means is thus decided by the socket that it came by, which
 * only the owner has the other side of: there is no number in it that could be another's. The
 * hang-up of that socket ends the tenant, and nobody else.
 * Integers are in host byte order. */
#ifndef KS_EGRESS_CONTROL_H
#define KS_EGRESS_CONTROL_H

#include <stdint.h>

#include "base/bounds.h"

/* 0, 1 and 2 are /dev/null, or the owner's for complaints that come before the first message. */
enum egress_slot {
	EGRESS_SLOT_OWNER = 3,
	EGRESS_SLOT_JAIL = 4, /* closed where there is no jail: its sockets come from the owner */
	EGRESS_SLOT_NAMES = 5, /* on Linux kastellan-names, which the resolver executes */
};

enum egress_message {
	/* owner to proxy: in this order, EGRESS_ENTRIES and EGRESS_SOCKETS any number of times */
	EGRESS_CONFIG = 1, /* data: struct egress_config; descriptors: one with EGRESS_FLAG_AUDIT,
			      then config.groups: write "0" to each to join the control group */
	EGRESS_ENTRIES, /* data: entries of the allowlist, each ended by a NUL */
	EGRESS_SOCKETS, /* data: uint32_t each, enum egress_socket; as many descriptors. The jail
			   says it too, at any time after its start, and then hangs up */
	EGRESS_START, /* that was all: be confined, then ready */
	EGRESS_STOP, /* the worker is gone: let what is under way end, then tell and exit, or, in a
			proxy for many, hang up */
	/* proxy to owner */
	EGRESS_READY, /* confined, and serving whatever sockets there are */
	EGRESS_FAILED, /* value: errno; data: step NUL detail NUL. The proxy exits */
	EGRESS_DENIED, /* data: struct egress_denied; after EGRESS_STOP, once a destination */
	EGRESS_SUMMARY, /* data: struct egress_summary; the last one before the exit */
	/* owner to a proxy for many */
	EGRESS_POOL, /* instead of EGRESS_CONFIG, and all that has to be said before it serves;
			data: struct egress_pool_config; descriptors: config.groups, as above */
	EGRESS_TENANT, /* a worker; data: uint32_t EGRESS_VERSION; descriptors: its socket and,
			  where it has a jail, that of the jail; value: how many these are */
};

#define EGRESS_VERSION 1u
#define EGRESS_MAX_SOCKETS 4 /* of one message: CONTROL_MAX_FDS */
#define EGRESS_MAX_GROUPS 3 /* as many, but for the audit's */

enum egress_flag {
	EGRESS_FLAG_SNI = 1 << 0, /* TLS to port 443 has to name the host it was connected to */
	EGRESS_FLAG_AUDIT = 1 << 1, /* lines go to the descriptor */
	EGRESS_FLAG_NO_V6 = 1 << 2, /* the jail has no IPv6: AAAA is without data */
	EGRESS_FLAG_IDS = 1 << 3, /* become uid and gid; without it the proxy keeps its owner's */
};

struct egress_config {
	uint32_t version;
	uint32_t flags;
	uint32_t uid, gid;
	uint32_t connections; /* at once, and the size of every table; 1 or more */
	uint32_t names; /* different names that the worker may learn an address of */
	uint32_t connect_ms; /* for the resolution and the dialling together */
	uint32_t idle_ms; /* without a byte in either direction; 0 = for ever */
	uint32_t drain_ms; /* after EGRESS_STOP */
	uint32_t groups; /* descriptors of control groups, which are joined before anything else */
	uint64_t bytes; /* that the worker may send and receive, all connections together; 0 = any
			 */
	char worker[64]; /* of the audit; NUL-terminated */
	char policy[72]; /* digest of the policy, for the audit; may be empty */
};

/* What the tenants of a proxy may have at once, all of them together. One that would go past it is
 * refused with EGRESS_FAILED: -EUSERS. */
struct egress_pool_config {
	uint32_t version;
	uint32_t flags; /* EGRESS_FLAG_IDS alone */
	uint32_t uid, gid;
	uint32_t groups;
	uint32_t tenants; /* 1 or more, as the following */
	uint32_t connections; /* the sum of their config.connections */
	uint32_t names; /* and of their config.names */
};

enum egress_socket {
	EGRESS_SOCKET_TCP = 1, /* listens for connections to any address: accepted, getsockname()
				  says where the worker wanted to go */
	EGRESS_SOCKET_DNS_UDP,
	EGRESS_SOCKET_DNS_TCP, /* listens */
	EGRESS_SOCKET_DOOR, /* listens: the worker says where it wants to go, by HTTP CONNECT or
			       SOCKS5. TCP, or a unix stream socket */
};

/* What the worker wanted and did not get. */
struct egress_denied {
	uint64_t times;
	uint32_t reason; /* enum egress_reason */
	uint32_t port;
	char host[KS_MAX_HOST + 1]; /* as it is shown to people: printable ASCII */
	char entry[KS_MAX_HOST + 10]; /* of the allowlist, which would allow it; empty: none */
};

struct egress_summary {
	uint64_t connections; /* that were dialled */
	uint64_t denials; /* all of them, those without an EGRESS_DENIED of their own too */
	uint64_t up, down; /* bytes from and to the worker */
	uint64_t suppressed; /* lines of the audit that were left out */
	uint64_t unfinished; /* connections that were allowed, and over before they were made */
};

#endif
