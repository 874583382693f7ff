/* SPDX-License-Identifier: Apache-2.0 */
/* What tells that a guest has to start anew: the kernel's list of timers, and the processor time of
 * its emulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "linux/init/guest_parts.h"
#include "vm/machine/pulse.h"

#define HEAD                                                                               \
	"Timer List Version: v0.9\nnow at 5197448471 nsecs\n\ncpu: 0\n"                    \
	" #0: <0>, tick_sched_timer, S:01\n\nTick Device: mode:     1\nBroadcast device\n" \
	"Clock Event Device: <NULL>\n\nTick Device: mode:     1\nPer CPU device: 0\n"

static bool fits(const char *name, const char *mult, const char *shift)
{
	char text[2048];

	snprintf(text, sizeof(text),
		HEAD "Clock Event Device: %s\n max_delta_ns:   57330441028\n min_delta_ns:   1000\n"
		     " mult:           %s\n shift:          %s\n mode:           3\n",
		name, mult, shift);
	return guest_timer_fits(text);
}

static void a_timer_that_is_measured_right_fits(void **state)
{
	(void)state;
	assert_true(fits("lapic", "268435456", "32"));
	assert_true(fits("lapic", "268434382", "32"));
	/* Too early costs interrupts, and nobody notices. */
	assert_true(fits("lapic", "160880884", "32"));
	assert_true(fits("lapic", "134217728", "32"));
	assert_true(fits("lapic", "335544320", "32"));
	assert_true(fits("lapic", "4096", "16"));
}

static void one_that_is_measured_wrong_does_not(void **state)
{
	(void)state;
	assert_false(fits("lapic", "1477674592", "32")); /* 34405523 in a tenth of a second */
	assert_false(fits("lapic", "335544321", "32"));
	assert_false(fits("lapic", "134217727", "32"));
	assert_false(fits("lapic", "429", "32"));
	assert_false(fits("lapic", "0", "0"));
	assert_false(fits("lapic", "268435456", "33"));
	assert_false(fits("lapic", "nonsense", "32"));
	assert_false(fits("<NULL>", "268435456", "32"));
	assert_false(guest_timer_fits(""));
	assert_false(guest_timer_fits(HEAD));
	assert_false(guest_timer_fits(HEAD "Clock Event Device: lapic\n"));
}

static void one_whose_rate_the_host_tells_is_taken_as_it_is(void **state)
{
	(void)state;
	assert_true(fits("lapic-deadline", "1", "32"));
	assert_true(fits("arch_sys_timer", "1", "32"));
}

static void a_guest_that_does_something_has_a_pulse(void **state)
{
	struct pulse pulse = {0};

	(void)state;
	for (int64_t second = 0; second < 118; second++)
		assert_null(pulse_judge(&pulse, 5000 + second * 1000, (uint64_t)second * 20));
}

static void one_that_sleeps_has_none(void **state)
{
	struct pulse pulse = {0};

	(void)state;
	for (int64_t second = 0; second < 20; second++)
		assert_null(pulse_judge(&pulse, 5000 + second * 1000, 900));
	assert_non_null(pulse_judge(&pulse, 25000, 900));
}

static void nor_one_that_is_busy_for_ever(void **state)
{
	struct pulse pulse = {0};

	(void)state;
	assert_null(pulse_judge(&pulse, 5000, 59999));
	assert_non_null(pulse_judge(&pulse, 6000, 60000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_that_is_measured_right_fits),
		cmocka_unit_test(one_that_is_measured_wrong_does_not),
		cmocka_unit_test(one_whose_rate_the_host_tells_is_taken_as_it_is),
		cmocka_unit_test(a_guest_that_does_something_has_a_pulse),
		cmocka_unit_test(one_that_sleeps_has_none),
		cmocka_unit_test(nor_one_that_is_busy_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
