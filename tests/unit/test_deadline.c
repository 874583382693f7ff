/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervise/deadline.h"

#define SECOND 1000000ull

static struct deadlines limits(uint64_t wall, uint64_t budget)
{
	struct deadlines deadlines = {.wall_usec = wall,
		.grace_usec = 2 * SECOND,
		.cpu_budget_usec = budget,
		.cpu_rate = 2};

	deadlines_start(&deadlines, 100 * SECOND);
	return deadlines;
}

static void test_nothing_is_due_without_limits(void **state)
{
	struct deadlines deadlines = limits(NO_DEADLINE, NO_DEADLINE);

	(void)state;
	assert_true(deadlines_next(&deadlines) == NO_DEADLINE);
	assert_int_equal(deadlines_due(&deadlines, 5000 * SECOND, 4000 * SECOND), DEADLINE_NOTHING);
}

static void test_wall_clock_is_friendly_first(void **state)
{
	struct deadlines deadlines = limits(5 * SECOND, NO_DEADLINE);

	(void)state;
	assert_true(deadlines_next(&deadlines) == 105 * SECOND);
	assert_int_equal(deadlines_due(&deadlines, 105 * SECOND - 1, 0), DEADLINE_NOTHING);
	assert_int_equal(deadlines_due(&deadlines, 105 * SECOND, 0), DEADLINE_TERMINATE);
	assert_true(deadlines.timed_out);
	assert_int_equal(deadlines_due(&deadlines, 106 * SECOND, 0), DEADLINE_NOTHING);
	assert_true(deadlines_next(&deadlines) == 107 * SECOND);
	assert_int_equal(deadlines_due(&deadlines, 107 * SECOND, 0), DEADLINE_KILL);
	assert_int_equal(deadlines_due(&deadlines, 108 * SECOND, 0), DEADLINE_NOTHING);
	assert_true(deadlines_next(&deadlines) == NO_DEADLINE);
}

static void test_budget_is_looked_at_when_it_can_be_spent(void **state)
{
	struct deadlines deadlines = limits(NO_DEADLINE, 2 * SECOND);

	(void)state;
	/* Two processors spend two seconds in one. */
	assert_true(deadlines_next(&deadlines) == 101 * SECOND);
	assert_int_equal(deadlines_due(&deadlines, 101 * SECOND, SECOND), DEADLINE_NOTHING);
	assert_true(deadlines_next(&deadlines) == 101 * SECOND + SECOND / 2);
	assert_int_equal(deadlines_due(&deadlines, 102 * SECOND, 2 * SECOND - 1), DEADLINE_NOTHING);
	assert_true(deadlines_next(&deadlines) == 102 * SECOND + 1000);
	assert_int_equal(deadlines_due(&deadlines, 103 * SECOND, 2 * SECOND), DEADLINE_KILL);
	assert_true(deadlines.cpu_spent);
	assert_false(deadlines.timed_out);
}

static void test_an_unreadable_counter_keeps_the_last(void **state)
{
	struct deadlines deadlines = limits(NO_DEADLINE, 2 * SECOND);

	(void)state;
	deadlines_due(&deadlines, 101 * SECOND, SECOND);
	assert_int_equal(deadlines_due(&deadlines, 102 * SECOND, NO_DEADLINE), DEADLINE_NOTHING);
	assert_true(deadlines.cpu_used == SECOND);
}

static void test_stop_kills_after_the_grace(void **state)
{
	struct deadlines deadlines = limits(NO_DEADLINE, NO_DEADLINE);

	(void)state;
	deadlines_stop(&deadlines, 110 * SECOND);
	deadlines_stop(&deadlines, 111 * SECOND);
	assert_true(deadlines_next(&deadlines) == 112 * SECOND);
	assert_int_equal(deadlines_due(&deadlines, 112 * SECOND, 0), DEADLINE_KILL);
	assert_false(deadlines.timed_out);
}

static void test_times_do_not_wrap(void **state)
{
	struct deadlines deadlines = limits(NO_DEADLINE - 1, NO_DEADLINE - 1);

	(void)state;
	deadlines.grace_usec = NO_DEADLINE - 1;
	deadlines_stop(&deadlines, 100 * SECOND);
	assert_int_equal(deadlines_due(&deadlines, 200 * SECOND, 5), DEADLINE_NOTHING);
	assert_true(deadlines_next(&deadlines) > 200 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_due_without_limits),
		cmocka_unit_test(test_wall_clock_is_friendly_first),
		cmocka_unit_test(test_budget_is_looked_at_when_it_can_be_spent),
		cmocka_unit_test(test_an_unreadable_counter_keeps_the_last),
		cmocka_unit_test(test_stop_kills_after_the_grace),
		cmocka_unit_test(test_times_do_not_wrap),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
