/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation of planning and printing, for every n: a clean error, the grants still
 * the caller's, nothing leaked (which the sanitizer and valgrind see), and what succeeds all the
 * same is right. fail_alloc.c does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "fail_alloc.h"
#include "base/bounds.h"
#include "base/strbuf.h"
#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "plan_fixture.h"

/* Everything that is made from one request. */
struct made {
	char *args;
	char *text;
	char *json;
	char *receipt;
};

static void made_done(struct made *made)
{
	free(made->args);
	free(made->text);
	free(made->json);
	free(made->receipt);
}

/* What a backend makes of a request, and of its plan. */
struct maker {
	int (*plan)(const struct plan_request *request, struct grants *grants,
		struct ks_plan **ret_plan, ks_error **reterr);
	int (*tell)(const struct ks_plan *plan, char **ret_text);
};

static int tell_bwrap(const struct ks_plan *plan, char **ret_text)
{
	size_t len = 0;

	return plan_bwrap_args_text(plan, ret_text, &len);
}

static int join(const struct strv *argv, char **ret_text)
{
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	for (size_t i = 0; i < argv->len; i++)
		strbuf_addf(&text, "%s\n", argv->items[i]);
	return strbuf_take(&text, ret_text, NULL);
}

static int tell_seatbelt(const struct ks_plan *plan, char **ret_text)
{
	const struct seatbelt_late late = {"/bin/ls", "/private/tmp/1", "/private/tmp/2"};
	autostrv struct strv argv = {0};
	int r = seatbelt_command(plan, &late, &argv);

	return r < 0 ? r : join(&argv, ret_text);
}

static int tell_container(const struct ks_plan *plan, char **ret_text)
{
	const struct container_late late = {"1", "/private/tmp/1", "/private/tmp/2", "/x"};
	autostrv struct strv argv = {0};
	int r = container_command(plan, &late, &argv);

	return r < 0 ? r : join(&argv, ret_text);
}

static const struct maker bwrap = {plan_bwrap, tell_bwrap};
static const struct maker seatbelt = {plan_seatbelt, tell_seatbelt};
static const struct maker container = {plan_container, tell_container};

static int make(const struct maker *maker, const struct plan_request *request,
	struct grants *grants, struct made *ret)
{
	struct ks_plan *plan = NULL;
	int r = maker->plan(request, grants, &plan, NULL);

	if (r == 0)
		r = maker->tell(plan, &ret->args);
	if (r == 0)
		r = plan_write_text(plan, &ret->text);
	if (r == 0)
		r = plan_write_json(plan, &ret->json);
	if (r == 0)
		r = receipt_write_text(&plan->receipt, &ret->receipt);
	plan_free(plan);
	return r;
}

static void fill_grants(struct grants *grants)
{
	fixture_grant(grants, FIELD_FS_READ, "/data", "/srv/v2", true);
	fixture_grant(grants, FIELD_FS_READ, "/srv/w/keep", NULL, true);
	fixture_grant(grants, FIELD_FS_WRITE, "/srv/w", NULL, true)->idmap = false;
}

static void run_all(const struct maker *maker, const char *host_name)
{
	static const char *const argv[] = {"ls", "-l", NULL};
	struct ks_host *host = fixture_host(host_name);
	struct plan_request request = {.host = host, .argv = argv};
	struct made reference = {0};
	struct grants grants = {0};
	unsigned n = 0;

	request.policy = fixture_policy(
		"{\"fs_read\":[\"/data\",\"/srv/w/keep\"],\"fs_write\":[\"/srv/w\"],"
		"\"env\":[[\"A\",\"b\"]],\"net\":{\"Allowlist\":[\"a.example:443\"]}}");
	fill_grants(&grants);
	assert_int_equal(make(maker, &request, &grants, &reference), 0);
	do {
		struct made made = {0};
		size_t len;
		int r;

		fill_grants(&grants);
		len = grants.len;
		failed = false;
		countdown = ++n;
		r = make(maker, &request, &grants, &made);
		countdown = 0;
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(grants.len == 0 || grants.len == len);
		if (r == 0) {
			assert_string_equal(made.args, reference.args);
			assert_string_equal(made.text, reference.text);
			assert_string_equal(made.json, reference.json);
			assert_string_equal(made.receipt, reference.receipt);
		}
		made_done(&made);
		grants_done(&grants);
	} while (failed);
	/* A plan takes hundreds of allocations: each of them had its turn. */
	assert_true(n > 300);
	made_done(&reference);
	ks_policy_free((ks_policy *)request.policy);
	host_free(host);
}

static void test_where_everything_holds(void **state)
{
	(void)state;
	run_all(&bwrap, "debian12-root");
}

static void test_where_little_holds(void **state)
{
	(void)state;
	run_all(&bwrap, "cgroup-none");
	run_all(&bwrap, "no-landlock");
}

static void test_for_a_mac(void **state)
{
	(void)state;
	run_all(&seatbelt, "macos15");
	run_all(&container, "macos26-container");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_everything_holds),
		cmocka_unit_test(test_where_little_holds),
		cmocka_unit_test(test_for_a_mac),
	};

	return cmocka_run_group_tests_name("plan_oom", tests, NULL, NULL);
}
