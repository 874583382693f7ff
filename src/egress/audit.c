/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "egress/audit_sink.h"
#include "egress/destinations.h"

#define SECOND 1000000
#define DENIAL_USEC (SECOND / AUDIT_DENIALS_PER_SECOND)

_Static_assert(DESTINATIONS_MAX == AUDIT_MAX_DESTINATIONS, "one table, one size");

struct audit {
	struct sink sink;
	struct destinations destinations;
	char worker[sizeof(((struct egress_config *)0)->worker)];
	char policy[sizeof(((struct egress_config *)0)->policy)];
	uint64_t seq;
	uint64_t denials;
	uint64_t suppressed; /* since the start ... */
	uint64_t untold; /* ... and since the last line that went out */
	uint64_t allowance; /* for lines of denials: microseconds that have not been spent */
	uint64_t refilled; /* when */
};

struct audit *audit_new(int fd, const char *worker, const char *policy)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit || sink_open(&audit->sink, fd, AUDIT_BACKLOG) < 0) {
		if (fd >= 0)
			close(fd);
		free(audit);
		return NULL;
	}
	snprintf(audit->worker, sizeof(audit->worker), "%s", worker ? worker : "");
	snprintf(audit->policy, sizeof(audit->policy), "%s", policy ? policy : "");
	audit->allowance = SECOND;
	audit->refilled = clock_usec();
	return audit;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	sink_close(&audit->sink);
	free(audit);
}

static bool is_denial(const struct audit_line *line)
{
	return line->reason != REASON_ALLOWED &&
	       (line->event == AUDIT_CONNECT || line->event == AUDIT_DNS);
}

/* A bucket of one second's lines, which fills at that pace. */
static bool may_tell_denial(struct audit *audit, uint64_t now)
{
	audit->allowance += now - audit->refilled;
	audit->refilled = now;
	if (audit->allowance > SECOND)
		audit->allowance = SECOND;
	if (audit->allowance < DENIAL_USEC)
		return false;
	audit->allowance -= DENIAL_USEC;
	return true;
}

static uint64_t real_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

static void stamp(struct audit *audit, struct audit_line *line, uint64_t now)
{
	line->real_usec = real_usec();
	line->mono_usec = now;
	line->worker = audit->worker[0] ? audit->worker : NULL;
	line->policy = audit->policy[0] ? audit->policy : NULL;
	line->seq = ++audit->seq;
	if (line->event == AUDIT_SUMMARY) {
		line->denials = (int64_t)audit->denials;
		line->suppressed = (int64_t)audit->suppressed;
	} else if (audit->untold) {
		line->suppressed = (int64_t)audit->untold;
	}
}

static void suppress(struct audit *audit, size_t lines)
{
	audit->suppressed += lines;
	audit->untold += lines;
}

void audit_put(struct audit *audit, struct audit_line *line)
{
	char text[AUDIT_MAX_LINE + 1];
	uint64_t now = clock_usec();
	bool told = true;

	if (is_denial(line)) {
		audit->denials++;
		destinations_add(&audit->destinations, line);
		told = audit->sink.fd < 0 || may_tell_denial(audit, now);
	}
	stamp(audit, line, now);
	if (audit->sink.fd < 0)
		return;
	if (told)
		told = sink_line(&audit->sink, text, audit_line_write(line, text));
	if (told)
		audit->untold = 0;
	else
		suppress(audit, 1);
}

int audit_fd(const struct audit *audit)
{
	return audit->sink.fd;
}

int audit_pending(const struct audit *audit)
{
	return audit->sink.len > 0;
}

void audit_flush(struct audit *audit)
{
	suppress(audit, sink_flush(&audit->sink));
}

void audit_give_up(struct audit *audit)
{
	suppress(audit, sink_give_up(&audit->sink));
}

int audit_denied(const struct audit *audit, size_t index, struct egress_denied *ret_denied)
{
	return destinations_at(&audit->destinations, index, ret_denied);
}

void audit_totals(const struct audit *audit, struct egress_summary *ret_summary)
{
	ret_summary->denials = audit->denials;
	ret_summary->suppressed = audit->suppressed;
}
