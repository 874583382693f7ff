/* SPDX-License-Identifier: Apache-2.0 */
/* One decision as one line of JSON, ended by a newline. A line is at most AUDIT_MAX_LINE bytes,
 * which is PIPE_BUF of Linux: written at once, lines of several writers never mix in a pipe.
 *
 * Pure: no system call, no memory, no time zone, thread-safe. */
#ifndef KS_EGRESS_AUDIT_LINE_H
#define KS_EGRESS_AUDIT_LINE_H

#include "egress/address.h"
#include "egress/reason.h"

#define AUDIT_MAX_LINE 4096
#define AUDIT_MAX_RESOLVED 16
#define AUDIT_MAX_NAME 255 /* bytes of a name that are shown; what is longer ends in "..." */

enum audit_event {
	AUDIT_CONNECT, /* a decision about one connection */
	AUDIT_CLOSE, /* its end; no verdict */
	AUDIT_DNS, /* a decision about a name */
	AUDIT_POLICY, /* the allowlist was loaded */
	AUDIT_SUMMARY, /* counts, and how many lines were left out */
	AUDIT_EVENT_COUNT
};

enum audit_via {
	VIA_NONE,
	VIA_TRANSPARENT,
	VIA_CONNECT,
	VIA_SOCKS5,
	VIA_DNS_UDP,
	VIA_DNS_TCP,
	VIA_COUNT
};

enum audit_end { END_NONE, END_FIN, END_RST, END_TIMEOUT, END_LIMIT, END_WORKER_GONE, END_COUNT };

#define AUDIT_UNSET (-1) /* of a number that is not known */

/* Members that are NULL, 0 where 0 has no meaning, or AUDIT_UNSET are left out of the line. Start
 * from AUDIT_LINE_INIT. */
struct audit_line {
	uint64_t real_usec; /* microseconds since 1970 */
	uint64_t mono_usec;
	const char *worker;
	const char *policy; /* digest of the allowlist */
	uint64_t seq;
	enum audit_event event;
	enum egress_reason reason; /* the verdict of connect and dns: allow or deny */
	const char *host; /* bytes of host_len, as the worker sent them or canonical: escaped */
	size_t host_len;
	uint16_t port;
	const char *proto; /* "tcp", "udp" */
	enum audit_via via;
	struct address dst; /* what the worker connected to */
	struct address resolved[AUDIT_MAX_RESOLVED];
	size_t n_resolved;
	struct address ip; /* what was dialled */
	enum address_class class; /* of the address that was refused; CLASS_GLOBAL: left out */
	const char *rule; /* the entry that allowed it; a denial has null */
	const char *entry; /* the entry that would allow it */
	const char *sni; /* bytes of sni_len, escaped */
	size_t sni_len;
	int64_t conn; /* number of the connection, the same in connect and close */
	int64_t dial_usec;
	int64_t up, down; /* bytes from and to the worker */
	int64_t life_usec;
	enum audit_end end;
	int64_t qtype;
	int64_t suppressed; /* lines left out before this one */
	int64_t connections, denials; /* totals of the summary */
};

#define AUDIT_LINE_INIT                                                                       \
	{                                                                                     \
		.conn = AUDIT_UNSET, .dial_usec = AUDIT_UNSET, .up = AUDIT_UNSET,             \
		.down = AUDIT_UNSET, .life_usec = AUDIT_UNSET, .qtype = AUDIT_UNSET,          \
		.suppressed = AUDIT_UNSET, .connections = AUDIT_UNSET, .denials = AUDIT_UNSET \
	}

/* Writes the line, newline and NUL at its end. Returns its length without the NUL. Whatever is
 * passed, it fits: names and texts are cut. Bytes outside printable ASCII become \u00XX. */
size_t audit_line_write(const struct audit_line *line, char text[AUDIT_MAX_LINE + 1]);

#endif
