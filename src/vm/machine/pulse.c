/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/pulse.h"

#include <stddef.h>
#include <time.h>

#include "base/clock.h"

#define SPAN_MS 20000
#define LEAST_MS 200 /* in a span: a boot of so little would not end in our patience, either */
#define MOST_MS 60000 /* in all: some thirty boots */

/* The clock of all threads of a process, as the kernel numbers it: asking the C library for the
 * number is a call more, which is not allowed by then. */
static clockid_t clock_of(pid_t pid)
{
	return (clockid_t)(~(unsigned)pid << 3 | 2);
}

const char *pulse_judge(struct pulse *pulse, int64_t now_ms, uint64_t used_ms)
{
	bool first = !pulse->since_ms;
	bool sleeps = used_ms < pulse->then_ms + LEAST_MS;

	if (used_ms >= MOST_MS)
		return "the guest is busy and does not come up";
	if (!first && now_ms - pulse->since_ms < SPAN_MS)
		return NULL;
	*pulse = (struct pulse){.since_ms = now_ms, .then_ms = used_ms};
	return !first && sleeps ? "the guest stands still and does not come up" : NULL;
}

const char *pulse_feel(struct pulse *pulse, pid_t emulator)
{
	struct timespec used;

	/* One that is gone is seen elsewhere. */
	if (clock_gettime(clock_of(emulator), &used) < 0)
		return NULL;
	return pulse_judge(
		pulse, clock_ms(), (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000);
}
