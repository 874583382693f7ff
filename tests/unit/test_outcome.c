/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "report/outcome.h"

#define EXITED(code) ((code) << 8)

static const struct {
	const char *what;
	struct ending ending;
	enum ks_outcome_type type;
	int shell;
} cases[] = {
	{"clean exit", {.have_status = true, .status = EXITED(0)}, KS_OUTCOME_EXIT, 0},
	{"own exit code", {.have_status = true, .status = EXITED(42)}, KS_OUTCOME_EXIT, 42},
	{"exit code that looks like a signal", {.have_status = true, .status = EXITED(137)},
		KS_OUTCOME_EXIT, 137},
	{"signal", {.have_status = true, .status = SIGSEGV}, KS_OUTCOME_SIGNAL, 128 + SIGSEGV},
	{"never seen to end", {.have_status = false}, KS_OUTCOME_SIGNAL, 128 + SIGKILL},
	{"wall clock", {.have_status = true, .status = SIGTERM, .timed_out = true},
		KS_OUTCOME_TIMEOUT, 124},
	{"wall clock, but it tidied up and left with 0",
		{.have_status = true, .status = EXITED(0), .timed_out = true}, KS_OUTCOME_TIMEOUT,
		124},
	{"budget", {.have_status = true, .status = SIGKILL, .cpu_spent = true}, KS_OUTCOME_CPU,
		137},
	{"budget by its backstop",
		{.have_status = true, .status = SIGXCPU, .cpu_budget_usec = 5, .cpu_usec = 6},
		KS_OUTCOME_CPU, 137},
	{"budget by its backstop, SIGXCPU ignored",
		{.have_status = true, .status = SIGKILL, .cpu_budget_usec = 5, .cpu_usec = 6},
		KS_OUTCOME_CPU, 137},
	{"SIGXCPU that it sent itself",
		{.have_status = true, .status = SIGXCPU, .cpu_budget_usec = 5, .cpu_usec = 4},
		KS_OUTCOME_SIGNAL, 128 + SIGXCPU},
	{"SIGXCPU without a budget", {.have_status = true, .status = SIGXCPU}, KS_OUTCOME_SIGNAL,
		128 + SIGXCPU},
	{"memory", {.have_status = true, .status = SIGKILL, .oom_kills = 1}, KS_OUTCOME_OOM, 137},
	{"memory of a child that the program coped with",
		{.have_status = true, .status = EXITED(0), .oom_kills = 1}, KS_OUTCOME_EXIT, 0},
	{"tasks", {.have_status = true, .status = EXITED(1), .tasks_refused = 3}, KS_OUTCOME_TASKS,
		1},
	{"a refused task that the program coped with",
		{.have_status = true, .status = EXITED(0), .tasks_refused = 3}, KS_OUTCOME_EXIT, 0},
	{"denied", {.have_status = true, .status = SIGKILL, .denied = true, .denied_call = "bpf"},
		KS_OUTCOME_DENIED, 159},
	{"denied without a name", {.have_status = true, .status = SIGSYS}, KS_OUTCOME_DENIED, 159},
	{"a denied child only", {.have_status = true, .status = EXITED(5), .denials = 1},
		KS_OUTCOME_EXIT, 5},
};

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ks_outcome *outcome = NULL;

		assert_int_equal(outcome_new(&cases[i].ending, "bwrap", NULL, &outcome), 0);
		if (outcome->type != cases[i].type ||
			ks_outcome_shell_status(outcome) != cases[i].shell)
			fail_msg("%s: %s, %d", cases[i].what, ks_outcome_type_name(outcome->type),
				ks_outcome_shell_status(outcome));
		ks_outcome_free(outcome);
	}
}

static void test_denied_names_the_call(void **state)
{
	struct ending ending = {.denied = true, .denied_call = "keyctl"};
	struct ks_outcome *outcome = NULL;
	char *text = NULL;

	(void)state;
	assert_int_equal(outcome_new(&ending, "bwrap", NULL, &outcome), 0);
	assert_string_equal(ks_outcome_detail(outcome), "keyctl");
	assert_int_equal(ks_outcome_json(outcome, &text), 0);
	assert_non_null(strstr(text, "\"call\":\"keyctl\""));
	free(text);
	ks_outcome_free(outcome);
}

static void test_jail_that_was_lost_is_told(void **state)
{
	const struct ending lost = {0}, own = {.have_status = true, .status = SIGKILL};
	struct ks_outcome *outcome = NULL;

	(void)state;
	assert_int_equal(outcome_new(&lost, "bwrap", NULL, &outcome), 0);
	assert_int_equal(ks_outcome_type(outcome), KS_OUTCOME_SIGNAL);
	assert_string_equal(ks_outcome_detail(outcome), "jail");
	ks_outcome_free(outcome);
	assert_int_equal(outcome_new(&own, "bwrap", NULL, &outcome), 0);
	assert_int_equal(ks_outcome_type(outcome), KS_OUTCOME_SIGNAL);
	assert_null(ks_outcome_detail(outcome));
	ks_outcome_free(outcome);
}

static void test_setup_from_error(void **state)
{
	static const struct {
		const char *step;
		int code, shell;
	} steps[] = {{"grant", -ENOENT, 125}, {"exec", -ENOENT, 127}, {"exec", -EACCES, 126},
		{"exec", -ENOEXEC, 126}};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ks_outcome *outcome = NULL;
		ks_error *error = NULL;
		char *text = NULL;

		error_set(&error, steps[i].code, ABOUT(.step = steps[i].step, .remedy = "do it"),
			"no");
		assert_int_equal(ks_outcome_from_error(error, &outcome), 0);
		assert_int_equal(ks_outcome_type(outcome), KS_OUTCOME_SETUP);
		assert_int_equal(ks_outcome_shell_status(outcome), steps[i].shell);
		assert_int_equal(ks_outcome_json(outcome, &text), 0);
		assert_non_null(strstr(text, "\"remedy\":\"do it\""));
		assert_non_null(strstr(text, "\"exit_code\":null"));
		free(text);
		ks_outcome_free(outcome);
		ks_error_free(error);
	}
}

/* A program may have any name, and whoever waits for the status gets one. */
static void test_names_that_are_not_utf8(void **state)
{
	struct ks_outcome *outcome = NULL;
	ks_error *error = NULL;
	char *text = NULL;

	(void)state;
	error_set(&error, -ENOENT, ABOUT(.step = "exec", .path = "/a\xff"), "not found: /a\xff");
	assert_int_equal(ks_outcome_from_error(error, &outcome), 0);
	assert_int_equal(ks_outcome_json(outcome, &text), 0);
	assert_non_null(strstr(text, "\"path\":\"/a\\uFFFD\""));
	assert_non_null(strstr(text, "\"message\":\"not found: /a\\uFFFD\""));
	free(text);
	ks_outcome_free(outcome);
	ks_error_free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_denied_names_the_call),
		cmocka_unit_test(test_jail_that_was_lost_is_told),
		cmocka_unit_test(test_setup_from_error),
		cmocka_unit_test(test_names_that_are_not_utf8),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
