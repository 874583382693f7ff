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

#endif
