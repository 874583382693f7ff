/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kernel/tsc.h"

#include <time.h>
#include <x86intrin.h>

#define LEAST_NSEC 2000000u
#define TRIES 8

struct moment {
	uint64_t nsec;
	uint64_t ticks;
};

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Both clocks at one time: of a few readings the one that nothing came between. */
static struct moment take(void)
{
	struct moment best = {0};
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc();
		uint64_t nsec = nanoseconds();
		uint64_t took = __rdtsc() - before;

		if (took >= least)
			continue;
		least = took;
		best = (struct moment){.nsec = nsec, .ticks = before + took / 2};
	}
	return best;
}

uint32_t tsc_measure_khz(void)
{
	struct moment first = take();
	struct moment last = first;

	while (last.nsec - first.nsec < LEAST_NSEC)
		last = take();
	return (uint32_t)((last.ticks - first.ticks) * 1000000u / (last.nsec - first.nsec));
}
