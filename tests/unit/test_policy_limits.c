/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of a policy: each is reached by a control, and passed by one entry more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <kastellan/policy.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy_fixture.h"

/* fs_read and fs_write share one ceiling. */
static void grants_have_a_ceiling(void **state)
{
	ks_policy *policy = new_policy();
	ks_error *error = NULL;
	char path[32];

	(void)state;
	for (unsigned i = 0; i < KS_MAX_GRANTS; i++) {
		snprintf(path, sizeof(path), "/srv/%u", i);
		assert_int_equal(i % 2 ? ks_policy_add_read(policy, path, NULL)
				       : ks_policy_add_write(policy, path, NULL),
			0);
	}
	expect_error(ks_policy_add_read(policy, "/srv/x", &error), &error, -E2BIG, "fs_read",
		"more than 512 paths", "the directories above");
	assert_null(ks_policy_read_path(policy, KS_MAX_GRANTS / 2, NULL));
	ks_policy_free(policy);
}

static void endpoints_have_a_ceiling(void **state)
{
	ks_policy *policy = new_policy();
	ks_error *error = NULL;

	(void)state;
	for (unsigned i = 0; i < KS_MAX_ENDPOINTS; i++)
		assert_int_equal(ks_policy_add_endpoint(policy, "a.example:443", NULL), 0);
	expect_error(ks_policy_add_endpoint(policy, "a.example:443", &error), &error, -E2BIG, "net",
		"more than 256 endpoints", "split the work");
	ks_policy_free(policy);
}

static void the_environment_has_ceilings(void **state)
{
	ks_policy *policy = new_policy();
	autofree char *value = calloc(1, KS_MAX_ENV_VALUE + 1);
	ks_error *error = NULL;
	char name[32];

	(void)state;
	assert_non_null(value);
	memset(value, 'v', KS_MAX_ENV_VALUE);
	expect_error(ks_policy_set_env(policy, "A", value + 1, &error), &error, -EINVAL, "env",
		"longer than the kernel passes on", "in a file");
	assert_int_equal(ks_policy_set_env(policy, "A", value + 2, NULL), 0);
	for (unsigned i = 1; i < 7; i++) {
		snprintf(name, sizeof(name), "N%u", i);
		assert_int_equal(ks_policy_set_env(policy, name, value + 3, NULL), 0);
	}
	/* 8 of 128 KiB make the megabyte full to the last byte; one more is too many, but a value
	 * may still be replaced by one as long. */
	assert_int_equal(ks_policy_set_env(policy, "N7", value + 3, NULL), 0);
	expect_error(ks_policy_set_env(policy, "X", "", &error), &error, -E2BIG, "env",
		"more than 1048576 bytes", "in a file");
	assert_int_equal(ks_policy_set_env(policy, "N7", value + 3, NULL), 0);
	for (unsigned i = 1; i < 8; i++) {
		snprintf(name, sizeof(name), "N%u", i);
		assert_int_equal(ks_policy_set_env(policy, name, "", NULL), 0);
	}
	for (unsigned i = 8; i < KS_MAX_ENV; i++) {
		snprintf(name, sizeof(name), "N%u", i);
		assert_int_equal(ks_policy_set_env(policy, name, "", NULL), 0);
	}
	expect_error(ks_policy_set_env(policy, "X", "", &error), &error, -E2BIG, "env",
		"more than 512 variables", "in a file");
	ks_policy_free(policy);
}

/* Parses before + n times entry, with %u for its number, + after, and returns the error. */
static ks_error *parse_many(const char *before, unsigned n, const char *entry, const char *after)
{
	autostrbuf struct strbuf text;
	ks_policy *policy = NULL;
	ks_error *error = NULL;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_puts(&text, before);
	for (unsigned i = 0; i < n; i++) {
		const char *number = strchr(entry, '#');

		strbuf_addf(&text, "%s%.*s%u%s", i ? ",\n" : "", (int)(number - entry), entry, i,
			number + 1);
	}
	strbuf_puts(&text, after);
	ks_policy_parse(text.data, text.len, "text", &policy, &error);
	ks_policy_free(policy);
	return error;
}

static void lists_of_a_text_have_ceilings(void **state)
{
	static const struct {
		const char *before, *entry, *after;
		unsigned most;
		const char *message;
	} lists[] = {
		{"{\"fs_read\": [", "\"/srv/#\"", "]}", KS_MAX_GRANTS, "more than 512 paths"},
		{"{\"fs_write\": [", "\"/srv/#\"", "]}", KS_MAX_GRANTS, "more than 512 paths"},
		{"{\"net\": {\"Allowlist\": [", "\"h#.example:1\"", "]}}", KS_MAX_ENDPOINTS,
			"more than 256 endpoints"},
		{"{\"env\": [", "[\"N#\", \"\"]", "]}", KS_MAX_ENV, "more than 512 variables"},
		{"{\"env\": {", "\"N#\": \"\"", "}}", KS_MAX_ENV, "more than 512 variables"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		ks_error *error = parse_many(
			lists[i].before, lists[i].most, lists[i].entry, lists[i].after);

		assert_null(error);
		/* One problem at the first entry past the end, however many follow. */
		error = parse_many(
			lists[i].before, lists[i].most + 9, lists[i].entry, lists[i].after);
		assert_non_null(error);
		assert_non_null(strstr(ks_error_message(error), lists[i].message));
		assert_int_equal(ks_error_code(error), -E2BIG);
		assert_int_equal(ks_error_line(error), lists[i].most + 1);
		assert_null(ks_error_next(error));
		ks_error_free(error);
	}
}

static void texts_have_ceilings(void **state)
{
	autofree char *text = calloc(1, KS_MAX_POLICY_BYTES + 2);
	ks_policy *policy = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', KS_MAX_POLICY_BYTES + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(ks_policy_parse(text, KS_MAX_POLICY_BYTES, "text", &policy, NULL), 0);
	ks_policy_free(policy);
	policy = NULL;
	assert_int_equal(
		ks_policy_parse(text, KS_MAX_POLICY_BYTES + 1, "text", &policy, &error), -E2BIG);
	assert_null(policy);
	assert_string_equal(ks_error_path(error), "text");
	ks_error_free(error);

	error = parse_many("{\"x\": [", KS_MAX_POLICY_VALUES, "#", "]}");
	assert_int_equal(ks_error_code(error), -E2BIG);
	assert_non_null(strstr(ks_error_message(error), "too many values"));
	ks_error_free(error);
	/* More problems than are kept: the first ones, and still a failure. */
	error = parse_many("{\"fs_read\": [", KS_MAX_PROBLEMS * 4, "\"p#\"", "]}");
	unsigned count = 0;

	for (const ks_error *each = error; each; each = ks_error_next(each))
		count++;
	assert_int_equal(count, KS_MAX_PROBLEMS);
	ks_error_free(error);
}

/* Thousands of keys of one name must not cost seconds; there is no clock here, but a quadratic
 * search would show in the test's time. */
static void many_repeats_are_found(void **state)
{
	autostrbuf struct strbuf text;
	ks_policy *policy = NULL;
	ks_error *error = NULL;

	(void)state;
	strbuf_init(&text, KS_MAX_TEXT);
	for (unsigned i = 0; i < KS_MAX_POLICY_VALUES - 1; i++)
		strbuf_puts(&text, i ? ",\"mem_mb\":1" : "{\"mem_mb\":1");
	strbuf_puts(&text, "}");
	assert_int_equal(ks_policy_parse(text.data, text.len, "text", &policy, &error), -EINVAL);
	assert_non_null(strstr(ks_error_message(error), "is given twice"));
	ks_error_free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grants_have_a_ceiling),
		cmocka_unit_test(endpoints_have_a_ceiling),
		cmocka_unit_test(the_environment_has_ceilings),
		cmocka_unit_test(lists_of_a_text_have_ceilings),
		cmocka_unit_test(texts_have_ceilings),
		cmocka_unit_test(many_repeats_are_found),
	};

	return cmocka_run_group_tests_name("policy-limits", tests, NULL, NULL);
}
