/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_BASE_CLOCK_H
#define KS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The one clock that deadlines are counted on: monotonic, never set. */
static inline uint64_t clock_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
	return (int64_t)(clock_usec() / 1000);
}

/* The present millisecond, as deadlines are counted in that may also be never: CLOCK_NEVER. */
#define CLOCK_NEVER UINT64_MAX

static inline uint64_t clock_now(void)
{
	return clock_usec() / 1000;
}

/* The timeout for poll(2) from now until then, in milliseconds; an hour at most, when the caller
 * looks again.
 */
static inline int clock_between(uint64_t now, uint64_t until)
{
	if (until == CLOCK_NEVER)
		return -1;
	if (until <= now)
		return 0;
	return until - now > 3600000 ? 3600000 : (int)(until - now);
}

static inline int clock_left(uint64_t until)
{
	return until == CLOCK_NEVER ? -1 : clock_between(clock_now(), until);
}

#endif
