/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lines of the audit go, and what is kept for the summary. A reader that does not read
 * never holds up the relay: what does not fit is counted instead, and the next line that goes out
 * says how many were left out. */
#ifndef KS_EGRESS_AUDIT_H
#define KS_EGRESS_AUDIT_H

#include "egress/audit_line.h"
#include "egress/control.h"

#define AUDIT_DENIALS_PER_SECOND 200 /* denials past it are counted; nothing else is limited */
#define AUDIT_BACKLOG 262144 /* bytes that wait for a slow reader */
#define AUDIT_MAX_DESTINATIONS 64 /* denied ones that are told apart; more are only counted */

struct audit;

/* fd: non-blocking is set on a description of its own where the kernel allows that (files, pipes);
 * -1 = no lines, the summary alone. Owned from here on. NULL = out of memory. */
struct audit *audit_new(int fd, const char *worker, const char *policy);
void audit_free(struct audit *audit);

/* Stamps and writes one line; fills real_usec, mono_usec, worker, policy, seq and suppressed, and
 * denials of a summary. seq counts the lines that were left out as well. Denials (of
 * connect and dns) go to the table of destinations too, with line->entry. */
void audit_put(struct audit *audit, struct audit_line *line);

/* The descriptor to wait for room on (POLLER_OUT) while audit_pending(); then call audit_flush().
 */
int audit_fd(const struct audit *audit);
int audit_pending(const struct audit *audit);
void audit_flush(struct audit *audit);
/* What waits is left out, as nobody came for it. */
void audit_give_up(struct audit *audit);

/* Denied destinations, the most frequent first: 0, or -ENOENT past the last one. */
int audit_denied(const struct audit *audit, size_t index, struct egress_denied *ret_denied);

/* denials and suppressed of the summary. */
void audit_totals(const struct audit *audit, struct egress_summary *ret_summary);

#endif
