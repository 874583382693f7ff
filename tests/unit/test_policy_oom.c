/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation, for every n: a clean error, no half-made policy, nothing leaked (which
 * the sanitizer and valgrind see). fail_alloc.c does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include <kastellan/policy.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "fail_alloc.h"

static const char good[] = "{\"fs_read\": [\"/srv/a\", \"?/srv/b\"], \"fs_write\": [\"/srv/c\"],"
			   "\"net\": {\"Allowlist\": [\"a.example:443\", \"[::1]:80\"]},"
			   "\"cpu_ms\": 5, \"mem_mb\": 6, \"profile\": \"WorkerNetClient\","
			   "\"cpu_quota_pct\": 7, \"tasks_max\": null,"
			   "\"env\": {\"A\": \"b\", \"C\": \"d\"},"
			   "\"egress\": {\"names\": 8, \"sni\": \"off\", \"bytes\": 9}}";
static const char bad[] = "{\"fs_read\": [\"a\"], \"mem\": 1, \"mem_mb\": \"64M\","
			  "\"net\": {\"Allowlist\": [\"x\"]}, \"env\": [[\"A\", 1]], \"env\": 2,"
			  "\"egress\": {\"name\": 1, \"bytes\": \"1k\", \"sni\": true}}";
/* Wrong in the whole alone. */
static const char unused[] = "{\"egress\": {\"names\": 8}}";

/* What comes of success must be right, too: jansson may lose a character and go on. */
static void expect_text(const char *text, const char *reference)
{
	if (reference && strcmp(text, reference) != 0)
		fail_msg("wrong under memory pressure:\n%s", text);
}

static char *sample_text, *schema_text;

static int parse_good(void)
{
	ks_policy *policy = NULL;
	ks_error *error = NULL;
	int r = ks_policy_parse(good, strlen(good), "good", &policy, &error);

	assert_int_equal(r == 0, policy != NULL);
	if (r == 0 && failed) {
		autofree char *text = NULL;

		assert_int_equal(ks_policy_write(policy, &text), 0);
		expect_text(text, sample_text);
	}
	/* jansson tells some failed allocations as an invalid token. */
	if (r == -EINVAL && failed && (!error || strstr(ks_error_message(error), "JSON library")))
		r = -ENOMEM;
	ks_policy_free(policy);
	ks_error_free(error);
	return r;
}

/* What is wrong with the text stays an error, whatever else goes wrong. */
static int parse_bad(void)
{
	ks_policy *policy = NULL;
	ks_error *error = NULL;
	int r = ks_policy_parse(bad, strlen(bad), "bad", &policy, &error);

	assert_true(r < 0);
	assert_null(policy);
	ks_error_free(error);
	return failed ? -ENOMEM : 0;
}

static int parse_unused(void)
{
	ks_policy *policy = NULL;
	ks_error *error = NULL;
	int r = ks_policy_parse(unused, strlen(unused), "unused", &policy, &error);

	assert_true(r < 0);
	assert_null(policy);
	ks_error_free(error);
	return failed ? -ENOMEM : 0;
}

static ks_policy *sample;

static int copy_sample(void)
{
	ks_policy *copy = NULL;
	int r = ks_policy_copy(sample, &copy);

	ks_policy_free(copy);
	return r;
}

static int write_sample(void)
{
	char *text = NULL;
	int r = ks_policy_write(sample, &text);

	if (r == 0)
		expect_text(text, sample_text);
	free(text);
	return r;
}

static int make_schema(void)
{
	char *text = NULL;
	int r = ks_policy_schema(&text);

	assert_int_equal(r == 0, text != NULL);
	if (r == 0)
		expect_text(text, schema_text);
	free(text);
	return r;
}

static json_t *many_keys;
static char *many_keys_text;

/* Whatever room the text is given, some key lies across its end. */
static int write_many_keys(void)
{
	autofree char *text = json_write(many_keys, JSON_COMPACT);

	if (!text)
		return -ENOMEM;
	expect_text(text, many_keys_text);
	return 0;
}

static int make_many_keys(void)
{
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	for (unsigned i = 0; i < 500; i++)
		strbuf_addf(&text, "%c\"key%u\":%u", i ? ',' : '{', i, i);
	strbuf_puts(&text, "}");
	many_keys = json_loads(text.data, 0, NULL);
	return strbuf_take(&text, &many_keys_text, NULL);
}

static int call_setters(void)
{
	ks_policy *policy = NULL;
	int r = ks_policy_new(&policy);

	if (r == 0)
		r = ks_policy_add_read(policy, "/srv/a", NULL);
	if (r == 0)
		r = ks_policy_add_write(policy, "/srv/b", NULL);
	if (r == 0)
		r = ks_policy_add_endpoint(policy, "a.example:443", NULL);
	if (r == 0)
		r = ks_policy_set_env(policy, "A", "b", NULL);
	if (r == 0)
		r = ks_policy_set_env(policy, "A", "c", NULL);
	ks_policy_free(policy);
	return r;
}

/* Runs the function with each of its allocations failing once; returns how many it has. */
static unsigned torture(int (*function)(void))
{
	for (unsigned n = 1;; n++) {
		int r;

		countdown = n;
		failed = false;
		r = function();
		countdown = 0;
		if (!failed) {
			assert_int_equal(r, 0);
			return n - 1;
		}
		/* An allocation that did not matter (an error object without a reader, jansson's
		 * retry) may be got over; any other answer than these two is wrong. */
		if (r != 0 && r != -ENOMEM)
			fail_msg("allocation %u: %d", n, r);
	}
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(torture(parse_good) > 60);
	assert_true(torture(parse_bad) > 60);
	assert_true(torture(parse_unused) > 8);
	assert_true(torture(copy_sample) > 10);
	assert_true(torture(write_sample) >= 1);
	assert_true(torture(make_schema) > 100);
	assert_true(torture(write_many_keys) >= 1);
	assert_true(torture(call_setters) > 8);
}

static int set_up(void **state)
{
	(void)state;
	json_set_alloc_funcs(malloc, free);
	if (ks_policy_parse(good, strlen(good), "good", &sample, NULL) < 0 ||
		ks_policy_write(sample, &sample_text) < 0 || make_many_keys() < 0)
		return -1;
	return ks_policy_schema(&schema_text);
}

static int tear_down(void **state)
{
	(void)state;
	ks_policy_free(sample);
	free(sample_text);
	free(schema_text);
	free(many_keys_text);
	json_decref(many_keys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("policy-oom", tests, set_up, tear_down);
}
