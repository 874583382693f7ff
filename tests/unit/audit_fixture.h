/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_TESTS_AUDIT_FIXTURE_H
#define KS_TESTS_AUDIT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "egress/audit.h"

/* One decision about that host and port 443. */
void put(struct audit *audit, enum egress_reason reason, const char *host);
uint64_t suppressed(const struct audit *audit);

/* What has been read of a sink: every line is JSON and whole, and the numbers of lines left out
 * fill the gaps between the others. */
struct reader {
	char text[2 * AUDIT_MAX_LINE];
	size_t len;
	long long last_seq;
	size_t lines;
	long long told; /* sum of "suppressed" */
};

void take_text(struct reader *reader, const char *text, size_t len);
/* Reads what is there. */
void drain(struct reader *reader, int fd);
/* And all that waits for it to be read. */
void drain_all(struct reader *reader, struct audit *audit, int fd);

struct audit *new_audit(int fd);

#endif
