/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt: which hosts hold which fields, and that what is not held is refused. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plan/receipt.h"
#include "plan_fixture.h"
#include "policy/fields.h"

#define BIT(field) (1u << (field))
#define EVERY_FIELD (BIT(FIELD_COUNT) - 1)

struct expectation {
	const char *host;
	const char *policy;
	unsigned refused; /* fields that are neither held nor clamped, and asked for */
};

static const struct expectation expectations[] = {
	{"debian12-root", "{}", 0},
	{"debian12-user", "{}", 0},
	{"debian12-arm64", "{}", 0},
	{"cgroup-v1", "{}", 0},
	{"abi10", "{\"profile\":\"WorkerNetClient\"}", 0},
	{"old-bwrap", "{}", 0},
	{"no-landlock", "{}", BIT(FIELD_FS_READ) | BIT(FIELD_FS_WRITE)},
	{"no-landlock", "{\"profile\":\"WorkerNetClient\"}",
		BIT(FIELD_FS_READ) | BIT(FIELD_FS_WRITE) | BIT(FIELD_NET)},
	{"debian12-user", "{\"profile\":\"WorkerNetClient\"}", BIT(FIELD_NET)},
	{"debian12-user", "{\"net\":{\"Allowlist\":[\"a.example:443\"]}}", 0},
	{"debian12-user", "{\"net\":\"ProxyEgress\"}", 0},
	{"debian12-user", "{\"net\":{\"Allowlist\":[]}}", 0},
	{"cgroup-none", "{}",
		BIT(FIELD_CPU_MS) | BIT(FIELD_MEM_MB) | BIT(FIELD_CPU_QUOTA_PCT) |
			BIT(FIELD_TASKS_MAX)},
	{"cgroup-none", "{\"cpu_ms\":0,\"mem_mb\":0}",
		BIT(FIELD_CPU_QUOTA_PCT) | BIT(FIELD_TASKS_MAX)},
};

static unsigned refused_of(const struct receipt *receipt)
{
	unsigned refused = 0;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct receipt_row *row = &receipt->rows[i];

		assert_int_equal(row->field, i);
		assert_non_null(row->request);
		assert_non_null(row->mechanism);
		if (row->verdict == RECEIPT_HELD) {
			assert_null(row->detail);
			assert_null(row->remedy);
		} else {
			assert_non_null(row->detail);
			assert_non_null(row->remedy);
			refused |= row->requested ? BIT(i) : 0;
		}
	}
	return refused;
}

/* Every single allowance that is missing refuses the spawn, and names its field. */
static void expect_each_refusal(const struct receipt *receipt, unsigned refused)
{
	assert_int_equal(receipt_check(receipt, refused, NULL), 0);
	assert_int_equal(receipt_check(receipt, EVERY_FIELD, NULL), 0);
	for (unsigned field = 0; field < FIELD_COUNT; field++) {
		ks_error *error = NULL;

		if (!(refused & BIT(field)))
			continue;
		assert_int_equal(
			receipt_check(receipt, refused & ~BIT(field), &error), -EOPNOTSUPP);
		assert_string_equal(ks_error_field(error), policy_field_name(field));
		assert_string_equal(ks_error_step(error), "receipt");
		assert_non_null(strstr(ks_error_message(error), receipt->rows[field].detail));
		assert_non_null(strstr(ks_error_remedy(error), "--allow-degraded"));
		ks_error_free(error);
	}
}

static void test_what_hosts_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		struct ks_host *host = fixture_host(expectations[i].host);
		struct ks_plan *plan = fixture_plan(host, expectations[i].policy, NULL);
		unsigned refused = refused_of(&plan->receipt);

		if (refused != expectations[i].refused)
			fail_msg("%s %s: refuses %#x", expectations[i].host, expectations[i].policy,
				refused);
		expect_each_refusal(&plan->receipt, refused);
		plan_free(plan);
		host_free(host);
	}
}

/* Facts taken away one at a time from a host that holds everything: each costs what rests on it. */
static void test_what_each_fact_carries(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		unsigned lost;
	} facts[] = {
		{"seccomp", offsetof(struct ks_host, seccomp), BIT(FIELD_PROFILE) | BIT(FIELD_NET)},
		{"memory", offsetof(struct ks_host, cgroup.memory), BIT(FIELD_MEM_MB)},
		{"swap", offsetof(struct ks_host, cgroup.swap), BIT(FIELD_MEM_MB)},
		{"tasks", offsetof(struct ks_host, cgroup.tasks), BIT(FIELD_TASKS_MAX)},
		{"cpu_quota", offsetof(struct ks_host, cgroup.cpu_quota), BIT(FIELD_CPU_QUOTA_PCT)},
		{"cpu_time", offsetof(struct ks_host, cgroup.cpu_time), BIT(FIELD_CPU_MS)},
		{"seccomp_notify", offsetof(struct ks_host, seccomp_notify), 0},
		{"idmap", offsetof(struct ks_host, idmap), BIT(FIELD_FS_WRITE)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct ks_host *host = fixture_host("debian12-root");
		struct grants grants = {0};
		struct ks_plan *plan;
		unsigned refused;

		*(bool *)((char *)host + facts[i].offset) = false;
		fixture_grant(&grants, FIELD_FS_WRITE, "/srv/w", NULL, true);
		plan = fixture_plan(host, "{\"fs_write\":[\"/srv/w\"]}", &grants);
		refused = refused_of(&plan->receipt);
		if (refused != facts[i].lost)
			fail_msg("without %s: refuses %#x", facts[i].name, refused);
		plan_free(plan);
		host_free(host);
	}
}

static void test_read_only_in_writable_is_said(void **state)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	fixture_grant(&grants, FIELD_FS_READ, "/srv/w/keep", NULL, true);
	fixture_grant(&grants, FIELD_FS_READ, "/tmp/in", NULL, true); /* in the worker's own /tmp */
	fixture_grant(&grants, FIELD_FS_WRITE, "/srv/w", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	assert_non_null(strstr(plan->receipt.rows[FIELD_FS_READ].mechanism, "2 inside a writable"));
	plan_free(plan);

	fixture_grant(&grants, FIELD_FS_READ, "/srv/w/keep", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	assert_null(strstr(plan->receipt.rows[FIELD_FS_READ].mechanism, "inside a writable"));
	plan_free(plan);
	host_free(host);
}

static void test_every_refused_field_is_named_at_once(void **state)
{
	struct ks_host *host = fixture_host("cgroup-none");
	struct ks_plan *plan = fixture_plan(host, "{}", NULL);
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(receipt_check(&plan->receipt, BIT(FIELD_MEM_MB), &error), -EOPNOTSUPP);
	assert_non_null(
		strstr(ks_error_remedy(error), "--allow-degraded cpu_ms,cpu_quota_pct,tasks_max"));
	ks_error_free(error);
	plan_free(plan);
	host_free(host);
}

static void test_clamped_and_unasked_rows_pass(void **state)
{
	struct receipt receipt = {0};

	(void)state;
	for (unsigned field = 0; field < FIELD_COUNT; field++)
		assert_int_equal(receipt_say(&receipt, field, SAYS(.verdict = RECEIPT_HELD)), 0);
	assert_int_equal(receipt_say(&receipt, FIELD_MEM_MB,
				 SAYS(.verdict = RECEIPT_CLAMPED, .detail = "to 128 MiB")),
		0);
	assert_int_equal(receipt_say(&receipt, FIELD_CPU_MS,
				 SAYS(.verdict = RECEIPT_ABSENT, .nothing_asked = true)),
		0);
	assert_int_equal(receipt_check(&receipt, 0, NULL), 0);
	assert_int_equal(receipt_say(&receipt, FIELD_CPU_MS, SAYS(.verdict = RECEIPT_ABSENT)), 0);
	assert_int_equal(receipt_check(&receipt, 0, NULL), -EOPNOTSUPP);
	receipt_done(&receipt);
}

/* What the proxy is told, and as well held as the list that it holds. */
static void test_settings_of_the_proxy(void **state)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct ks_plan *plan = fixture_plan(host,
		"{\"net\":{\"Allowlist\":[\"a.example:443\"]},\"egress\":{\"sni\":\"off\","
		"\"names\":9,"
		"\"bytes\":1000,\"connect_ms\":70,\"idle_ms\":80}}",
		NULL);
	const struct receipt_row *row = &plan->receipt.rows[FIELD_EGRESS];
	const struct receipt_row *net = &plan->receipt.rows[FIELD_NET];

	(void)state;
	assert_true(row->requested);
	assert_string_equal(row->request,
		"SNI off, 256 connections, 9 names, 1000 bytes, 70 ms to connect, 80 ms idle");
	assert_int_equal(row->verdict, RECEIPT_HELD);
	assert_int_equal(net->verdict, RECEIPT_HELD);
	plan_free(plan);

	/* What the proxy's network rests on is the row's, too. */
	host->seccomp = false;
	plan = fixture_plan(host, "{\"net\":{\"Allowlist\":[\"a.example:443\"]}}", NULL);
	row = &plan->receipt.rows[FIELD_EGRESS];
	net = &plan->receipt.rows[FIELD_NET];
	assert_int_equal(net->verdict, RECEIPT_DEGRADED);
	assert_int_equal(row->verdict, RECEIPT_DEGRADED);
	assert_string_equal(row->detail, net->detail);
	assert_string_equal(row->remedy, net->remedy);
	plan_free(plan);
	host->seccomp = true;

	plan = fixture_plan(host, "{\"net\":{\"Allowlist\":[\"a.example:443\"]}}", NULL);
	row = &plan->receipt.rows[FIELD_EGRESS];
	assert_true(row->requested);
	assert_string_equal(
		row->request, "SNI match, 256 connections, 1024 names, 30000 ms to connect");
	plan_free(plan);

	plan = fixture_plan(host, "{}", NULL);
	row = &plan->receipt.rows[FIELD_EGRESS];
	assert_false(row->requested);
	assert_int_equal(row->verdict, RECEIPT_HELD);
	plan_free(plan);
	host_free(host);
}

static void test_json_rows(void **state)
{
	struct ks_host *host = fixture_host("cgroup-none");
	struct ks_plan *plan = fixture_plan(host, "{}", NULL);
	json_t *rows = receipt_to_json(&plan->receipt);

	(void)state;
	assert_int_equal(json_array_size(rows), FIELD_COUNT);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const json_t *row = json_array_get(rows, i);

		assert_int_equal(json_object_size(row), 7);
		assert_string_equal(
			json_string_value(json_object_get(row, "field")), policy_field_name(i));
		assert_string_equal(json_string_value(json_object_get(row, "verdict")),
			receipt_verdict_name(plan->receipt.rows[i].verdict));
	}
	json_decref(rows);
	plan_free(plan);
	host_free(host);
}

/* A path of another encoding is no reason for an invalid document. */
static void test_json_of_names_that_are_not_utf8(void **state)
{
	struct ks_host *host = fixture_host("debian12-user");
	struct grants grants = {0};
	struct ks_plan *plan;
	char *text = NULL;
	json_t *json;

	(void)state;
	fixture_grant(&grants, FIELD_FS_READ, "/srv/a", "/srv/\xff\xfe\n", true);
	plan = fixture_plan(host, "{}", &grants);
	assert_int_equal(plan_write_json(plan, &text), 0);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	json_decref(json);
	free(text);
	assert_int_equal(plan_write_text(plan, &text), 0);
	assert_null(strchr(text, '\xff'));
	assert_non_null(strstr(text, "\\xff\\xfe\\x0a"));
	free(text);
	plan_free(plan);
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_hosts_hold),
		cmocka_unit_test(test_what_each_fact_carries),
		cmocka_unit_test(test_read_only_in_writable_is_said),
		cmocka_unit_test(test_every_refused_field_is_named_at_once),
		cmocka_unit_test(test_clamped_and_unasked_rows_pass),
		cmocka_unit_test(test_settings_of_the_proxy),
		cmocka_unit_test(test_json_rows),
		cmocka_unit_test(test_json_of_names_that_are_not_utf8),
	};

	return cmocka_run_group_tests_name("plan_receipt", tests, NULL, NULL);
}
