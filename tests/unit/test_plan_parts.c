/* SPDX-License-Identifier: Apache-2.0 */
/* The small planners: rights by ABI, limits, identity, filter, working directory, the command line
 * and the quoting of what is printed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "linux/control.h"
#include "linux/plan/parts.h"
#include "plan/landlock.h"
#include "plan/quote.h"
#include "plan_fixture.h"

static struct ks_plan *plan_for(const char *host_name, const char *policy)
{
	struct ks_host *host = fixture_host(host_name);
	struct ks_plan *plan = fixture_plan(host, policy, NULL);

	host_free(host);
	return plan;
}

static void test_rights_by_abi(void **state)
{
	static const struct {
		int abi;
		uint64_t fs, net, scopes;
	} known[] = {
		{0, 0, 0, 0},
		{1, 0x1fff, 0, 0},
		{2, 0x3fff, 0, 0},
		{3, 0x7fff, 0, 0},
		{4, 0x7fff, 3, 0},
		{5, 0xffff, 3, 0},
		{6, 0xffff, 3, 3},
		{8, 0xffff, 3, 3},
		{9, 0x1ffff, 3, 3},
		{10, 0x1ffff, 15, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(landlock_handled_fs(known[i].abi), known[i].fs);
		assert_int_equal(landlock_handled_net(known[i].abi), known[i].net);
		assert_int_equal(landlock_scopes(known[i].abi), known[i].scopes);
	}
}

static void test_newer_abi_is_asked_for_what_is_known(void **state)
{
	struct ks_host *host = fixture_host("abi10");
	struct ks_plan *plan;

	(void)state;
	host->landlock_abi = 99;
	plan = fixture_plan(host, "{}", NULL);
	assert_int_equal(plan->landlock.abi, LANDLOCK_ABI_KNOWN);
	plan_free(plan);
	host_free(host);
}

static void test_no_landlock_no_rules(void **state)
{
	struct ks_plan *plan = plan_for("no-landlock", "{}");

	(void)state;
	assert_int_equal(plan->landlock.abi, 0);
	assert_int_equal(plan->landlock.n_rules, 0);
	plan_free(plan);
}

static const struct rlimit_plan *rlimit_of(const struct ks_plan *plan, int resource)
{
	for (size_t i = 0; i < plan->limits.n_rlimits; i++)
		if (plan->limits.rlimits[i].resource == resource)
			return &plan->limits.rlimits[i];
	return NULL;
}

static void test_limits_with_a_group(void **state)
{
	struct ks_plan *plan = plan_for("debian12-root",
		"{\"cpu_ms\":1001,\"mem_mb\":8,\"tasks_max\":3,\"cpu_quota_pct\":10}");
	const struct limits_plan *limits = &plan->limits;

	(void)state;
	assert_true(limits->group);
	assert_int_equal(limits->memory_bytes, 8 << 20);
	assert_int_equal(limits->tasks, 3);
	assert_int_equal(limits->cpu_quota_pct, 10);
	assert_int_equal(limits->cpu_budget_usec, 1001000);
	/* The backstop never comes before the budget: 1.001 s is more than one second. */
	assert_int_equal(rlimit_of(plan, RLIMIT_CPU)->soft, 3);
	assert_int_equal(rlimit_of(plan, RLIMIT_CPU)->hard, 4);
	assert_int_equal(rlimit_of(plan, RLIMIT_CORE)->hard, 1);
	assert_null(rlimit_of(plan, RLIMIT_DATA));
	assert_null(rlimit_of(plan, RLIMIT_NPROC));
	assert_int_equal(limits->rlimits[limits->n_rlimits - 1].resource, RLIMIT_NOFILE);
	plan_free(plan);
}

static void test_limits_by_default(void **state)
{
	struct ks_plan *plan = plan_for("debian12-root", "{}");

	(void)state;
	assert_int_equal(plan->limits.memory_bytes, 64 << 20);
	assert_int_equal(plan->limits.tasks, 64);
	assert_int_equal(plan->limits.cpu_quota_pct, 200);
	assert_int_equal(plan->limits.cpu_budget_usec, 1000000);
	plan_free(plan);
}

static void test_limits_without_a_group(void **state)
{
	struct ks_plan *plan = plan_for("cgroup-none", "{\"mem_mb\":8,\"tasks_max\":3}");

	(void)state;
	assert_false(plan->limits.group);
	assert_true(plan->limits.memory_bytes == UINT64_MAX);
	assert_true(plan->limits.tasks == UINT64_MAX);
	assert_true(plan->limits.cpu_quota_pct == UINT64_MAX);
	assert_int_equal(rlimit_of(plan, RLIMIT_DATA)->hard, 8 << 20);
	assert_int_equal(rlimit_of(plan, RLIMIT_NPROC)->hard, 4);
	plan_free(plan);
}

static void test_nothing_asked_nothing_limited(void **state)
{
	struct ks_plan *plan = plan_for("cgroup-none", "{\"mem_mb\":0,\"cpu_ms\":0}");

	(void)state;
	assert_null(rlimit_of(plan, RLIMIT_DATA));
	assert_null(rlimit_of(plan, RLIMIT_CPU));
	assert_true(plan->limits.cpu_budget_usec == UINT64_MAX);
	plan_free(plan);
}

static uint64_t tmp_size(const char *policy)
{
	struct ks_plan *plan = plan_for("debian12-root", policy);
	uint64_t size = fixture_seen(&plan->mounts, "/tmp")->size;

	assert_int_equal(fixture_seen(&plan->mounts, "/dev/shm")->size, size);
	plan_free(plan);
	return size;
}

static void test_tmpfs_is_half_of_the_memory(void **state)
{
	(void)state;
	assert_int_equal(tmp_size("{}"), 32 << 20);
	assert_int_equal(tmp_size("{\"mem_mb\":1000}"), 500 << 20);
	assert_int_equal(tmp_size("{\"mem_mb\":1}"), 1 << 20);
	assert_int_equal(tmp_size("{\"mem_mb\":0}"), 512 << 20);
}

static void test_identity(void **state)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	fixture_grant(&grants, FIELD_FS_WRITE, "/srv/a", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	assert_int_equal(plan->identity.uid, 1000);
	assert_true(plan->identity.drop);
	assert_true(plan->identity.idmap);
	assert_true(plan_grant_mapped(plan, &plan->grants.items[0]));
	plan_free(plan);

	fixture_grant(&grants, FIELD_FS_WRITE, "/srv/a", NULL, true)->idmap = false;
	plan = fixture_plan(host, "{}", &grants);
	assert_false(plan->identity.idmap);
	assert_false(plan_grant_mapped(plan, &plan->grants.items[0]));
	plan_free(plan);
	host_free(host);

	/* A caller without privileges gives its worker its own ids, and maps nothing. */
	host = fixture_host("debian12-user");
	fixture_grant(&grants, FIELD_FS_WRITE, "/srv/a", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	assert_false(plan->identity.drop);
	assert_false(plan->identity.idmap);
	plan_free(plan);
	host_free(host);
}

static void test_filter_by_machine(void **state)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct ks_plan *plan = fixture_plan(host, "{\"profile\":\"WorkerNetClient\"}", NULL);

	(void)state;
	assert_true(plan->filter.enabled);
	assert_string_equal(plan->filter.machine, "x86_64");
	assert_int_equal(plan->filter.profile, KS_PROFILE_WORKER_NET_CLIENT);
	plan_free(plan);

	free(host->machine);
	host->machine = strdup("sparc64");
	plan = fixture_plan(host, "{}", NULL);
	assert_false(plan->filter.enabled);
	assert_false(plan->filter.notify);
	plan_free(plan);
	host_free(host);
}

/* The working directory inside, or the error code. */
static int cwd_of(const char *cwd, bool asked, char *ret, size_t size)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct grants grants = {0};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;
	struct plan_request request = {
		.policy = fixture_policy("{}"), .host = host, .cwd = cwd, .cwd_asked = asked};
	int r;

	fixture_grant(&grants, FIELD_FS_READ, "/srv/d", NULL, true);
	fixture_grant(&grants, FIELD_FS_READ, "/srv/file", NULL, false);
	r = plan_bwrap(&request, &grants, &plan, &error);
	if (r == 0) {
		snprintf(ret, size, "%s", plan->cwd);
	} else {
		assert_string_equal(ks_error_path(error), cwd);
		assert_non_null(ks_error_remedy(error));
	}
	ks_error_free(error);
	plan_free(plan);
	grants_done(&grants);
	ks_policy_free((ks_policy *)request.policy);
	host_free(host);
	return r;
}

static void test_working_directory(void **state)
{
	static const struct {
		const char *cwd;
		bool asked;
		const char *inside; /* NULL = refused */
	} cases[] = {
		{NULL, false, "/"},
		{"/srv/d", false, "/srv/d"},
		{"/srv/d/deep/er", false, "/srv/d/deep/er"},
		{"/srv/d/deep/er", true, "/srv/d/deep/er"},
		{"/srv", false, "/"},
		{"/srv", true, NULL},
		{"/srv/data", true, NULL},
		{"/home/u", false, "/"},
		{"/home/u", true, NULL},
		/* The jail's own directories are other ones than the caller stands in. */
		{"/tmp", false, "/"},
		{"/tmp", true, "/tmp"},
		{"/tmp/x", true, NULL},
		{"/usr/lib", false, "/"},
		{"/usr/lib", true, "/usr/lib"},
		{"/", true, "/"},
		{"/srv/file", true, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char inside[256] = "";
		int r = cwd_of(cases[i].cwd, cases[i].asked, inside, sizeof(inside));

		if (cases[i].inside) {
			assert_int_equal(r, 0);
			assert_string_equal(inside, cases[i].inside);
		} else {
			assert_int_equal(r, -ENOENT);
		}
	}
}

/* What is executed is what the plan shows: the same arguments in the same order. */
static void test_args_text_and_argv_are_the_helper(void **state)
{
	struct ks_plan *plan = plan_for(
		"debian12-root", "{\"env\":[[\"TOKEN\",\"s3cret-value\"]]}");
	struct strv argv = {0};
	char *text = NULL;
	size_t len = 0, at = 0, i = 1;

	(void)state;
	assert_int_equal(plan_bwrap_args_text(plan, &text, &len), 0);
	assert_int_equal(plan_bwrap_argv(plan, &argv), 0);
	for (; at < len; at += strlen(text + at) + 1)
		assert_string_equal(text + at, plan->helper.items[i++]);
	assert_int_equal(at, len);
	assert_int_equal(text[len - 1], '\0');
	assert_int_equal(argv.len, 6);
	assert_string_equal(argv.items[0], "bwrap");
	assert_string_equal(argv.items[1], "--args");
	assert_int_equal(atoi(argv.items[2]), SLOT_HELPER_ARGS);
	for (size_t k = 3; k < argv.len; k++)
		assert_string_equal(argv.items[k], plan->helper.items[i++]);
	assert_int_equal(i, plan->helper.len);
	/* Values of the environment are in no argument and in no print. */
	for (size_t k = 0; k < plan->helper.len; k++)
		assert_null(strstr(plan->helper.items[k], "s3cret"));
	free(text);
	assert_int_equal(plan_write_text(plan, &text), 0);
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "TOKEN"));
	free(text);
	assert_int_equal(plan_write_json(plan, &text), 0);
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "TOKEN"));
	free(text);
	strv_done(&argv);
	plan_free(plan);
}

static void expect_quoted(const char *text, const char *expected)
{
	autostrbuf struct strbuf out;

	strbuf_init(&out, KS_MAX_TEXT);
	quote_shell(&out, text);
	assert_string_equal(out.data, expected);
}

static void test_quoting(void **state)
{
	(void)state;
	expect_quoted("/usr/bin/env", "/usr/bin/env");
	expect_quoted("", "''");
	expect_quoted("a b", "'a b'");
	expect_quoted("it's", "'it'\\''s'");
	expect_quoted("$(x)", "'$(x)'");
	expect_quoted("a\nb", "$'a\\x0ab'");
	expect_quoted("\x1b[2J'\\", "$'\\x1b[2J\\'\\\\'");
	expect_quoted("\xff", "$'\\xff'");
	expect_quoted("\xc2\x9b", "$'\\xc2\\x9b'"); /* a control character of two bytes */
	expect_quoted("\xc3\xbc", "'\xc3\xbc'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights_by_abi),
		cmocka_unit_test(test_newer_abi_is_asked_for_what_is_known),
		cmocka_unit_test(test_no_landlock_no_rules),
		cmocka_unit_test(test_limits_with_a_group),
		cmocka_unit_test(test_limits_by_default),
		cmocka_unit_test(test_limits_without_a_group),
		cmocka_unit_test(test_nothing_asked_nothing_limited),
		cmocka_unit_test(test_tmpfs_is_half_of_the_memory),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_filter_by_machine),
		cmocka_unit_test(test_working_directory),
		cmocka_unit_test(test_args_text_and_argv_are_the_helper),
		cmocka_unit_test(test_quoting),
	};

	return cmocka_run_group_tests_name("plan_parts", tests, NULL, NULL);
}
