/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever follows a remedy of a plan for a Mac gets what it promises: where it names a backend or a
 * profile, that one plans the same policy and holds the field. And what is said of processors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "plan_fixture.h"
#include "policy/fields.h"

#define HOSTS 3
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

typedef int planner(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

static const struct {
	const char *words; /* of a remedy */
	planner *plan;
} backends[] = {
	{"backend seatbelt", plan_seatbelt},
	{"backend container", plan_container},
};

/* Of other systems, which a Mac has not. */
static const char *const foreign[] = {"bwrap", "native", "landlock", "qemu", "firecracker"};

/* One with a container that is too old for an allowlist, and root's. */
static struct ks_host *host_number(size_t number)
{
	struct ks_host *host = fixture_host(
		number == HOSTS - 1 ? "macos26-root" : "macos26-container");

	if (number == 1)
		memcpy(host->macos.container_version, "1.0.9", sizeof("1.0.9"));
	return host;
}

/* With each of these everything that a receipt can say is said at least once. */
static const char *const policies[] = {
	"{}",
	"{\"mem_mb\":0,\"cpu_ms\":0}",
	"{\"mem_mb\":512,\"cpu_ms\":2500,\"cpu_quota_pct\":150,\"tasks_max\":1}",
	"{\"cpu_quota_pct\":6400,\"tasks_max\":9}",
	"{\"fs_read\":[\"/w/ref\"],\"fs_write\":[\"/w\"],\"env\":{\"A\":\"b\"}}",
	"{\"net\":\"ProxyEgress\"}",
	"{\"net\":{\"Allowlist\":[\"a.example:443\"]}}",
	"{\"profile\":\"WorkerNetClient\"}",
	"{\"net\":{\"Allowlist\":[\"a.example:443\"]},\"profile\":\"WorkerNetClient\"}",
};

static int make(planner *plan_it, const struct ks_host *host, struct ks_policy *policy,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	struct plan_request request = {.policy = policy, .host = host};
	struct grants grants = {0};
	int r;

	for (size_t i = 0; i < policy->n_fs_read; i++)
		fixture_grant(&grants, FIELD_FS_READ, policy->fs_read[i].path, NULL, true);
	for (size_t i = 0; i < policy->n_fs_write; i++)
		fixture_grant(&grants, FIELD_FS_WRITE, policy->fs_write[i].path, NULL, true);
	r = plan_it(&request, &grants, ret_plan, reterr);
	grants_done(&grants);
	return r;
}

static bool is_held(const struct receipt_row *row)
{
	return row->verdict == RECEIPT_HELD || row->verdict == RECEIPT_CLAMPED;
}

/* The same policy, on the same host, under what the remedy names. */
static void follow(planner *plan_it, const struct ks_host *host, const char *json, bool strict,
	enum policy_field field, const char *remedy)
{
	struct ks_policy *policy = fixture_policy(json);
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;

	if (strict)
		policy->profile = KS_PROFILE_WORKER_STRICT;
	if (make(plan_it, host, policy, &plan, &error) < 0) {
		/* It has to be brought up to date first, which that refusal says. */
		if (strncmp(ks_error_remedy(error), "install ", strlen("install ")) != 0)
			fail_msg("%s: \"%s\" leads to: %s", json, remedy, ks_error_message(error));
		ks_error_free(error);
		ks_policy_free(policy);
		return;
	}
	if (!is_held(&plan->receipt.rows[field]))
		fail_msg("%s: \"%s\" does not hold %s either: %s", json, remedy,
			policy_field_name(field), plan->receipt.rows[field].detail);
	plan_free(plan);
	ks_policy_free(policy);
}

static void follow_all(planner *own, const struct ks_host *host, const char *json,
	enum policy_field field, const char *remedy, size_t *followed)
{
	bool strict = strstr(remedy, "profile WorkerStrict") != NULL;
	bool named = false;

	for (size_t i = 0; i < COUNT(foreign); i++)
		assert_null(strstr(remedy, foreign[i]));
	for (size_t i = 0; i < COUNT(backends); i++) {
		if (!strstr(remedy, backends[i].words))
			continue;
		named = true;
		followed[i]++;
		follow(backends[i].plan, host, json, strict, field, remedy);
	}
	if (strict && !named) {
		followed[COUNT(backends)]++;
		follow(own, host, json, true, field, remedy);
	}
}

static void check_receipt(planner *own, const struct ks_host *host, const char *json,
	const struct ks_plan *plan, size_t *followed)
{
	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct receipt_row *row = &plan->receipt.rows[field];

		if (row->verdict != RECEIPT_DEGRADED && row->verdict != RECEIPT_ABSENT)
			continue;
		assert_non_null(row->detail);
		assert_non_null(row->remedy);
		follow_all(own, host, json, (enum policy_field)field, row->remedy, followed);
	}
}

static void test_remedies_hold(void **state)
{
	size_t followed[COUNT(backends) + 1] = {0};

	(void)state;
	for (size_t i = 0; i < HOSTS * COUNT(policies) * COUNT(backends); i++) {
		const char *json = policies[i / HOSTS % COUNT(policies)];
		planner *own = backends[i / HOSTS / COUNT(policies)].plan;
		struct ks_host *host = host_number(i % HOSTS);
		struct ks_policy *policy = fixture_policy(json);
		struct ks_plan *plan = NULL;
		ks_error *error = NULL;

		if (make(own, host, policy, &plan, &error) == 0) {
			check_receipt(own, host, json, plan, followed);
		} else if (ks_error_field(error)) {
			int field = policy_field_from_name(
				ks_error_field(error), strlen(ks_error_field(error)));

			assert_true(field >= 0);
			follow_all(own, host, json, (enum policy_field)field,
				ks_error_remedy(error), followed);
		}
		ks_error_free(error);
		plan_free(plan);
		ks_policy_free(policy);
		host_free(host);
	}
	/* Each of the ways was gone. */
	for (size_t i = 0; i < COUNT(followed); i++)
		assert_true(followed[i] > 0);
}

static void test_processors(void **state)
{
	static const struct {
		unsigned of_host; /* 0: not known */
		const char *policy;
		enum receipt_verdict verdict;
		const char *mechanism;
		const char *detail;
	} rows[] = {
		{8, "{}", RECEIPT_HELD, "with 2 processors", NULL},
		{8, "{\"cpu_quota_pct\":100}", RECEIPT_HELD, "with 1 processor", NULL},
		{8, "{\"cpu_quota_pct\":50}", RECEIPT_CLAMPED, "with 1 processor",
			"to 100 %: a virtual machine has whole processors"},
		{8, "{\"cpu_quota_pct\":101}", RECEIPT_CLAMPED, "with 2 processors", "to 200 %"},
		{8, "{\"cpu_quota_pct\":800}", RECEIPT_HELD, "with 8 processors", NULL},
		{8, "{\"cpu_quota_pct\":801}", RECEIPT_CLAMPED, "with 8 processors",
			"to 800 %: this host has no more processors"},
		{8, "{\"cpu_quota_pct\":102400}", RECEIPT_CLAMPED, "with 8 processors", "no more"},
		{1, "{}", RECEIPT_CLAMPED, "with 1 processor", "to 100 %: this host has no more"},
		{1, "{\"cpu_quota_pct\":50}", RECEIPT_CLAMPED, "with 1 processor", "whole"},
		{0, "{\"cpu_quota_pct\":1600}", RECEIPT_HELD, "with 16 processors", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ks_host *host = fixture_host("macos26-container");
		struct ks_policy *policy = fixture_policy(rows[i].policy);
		struct ks_plan *plan = NULL;
		const struct receipt_row *row;
		char given[32];
		bool found = false;

		host->processors = rows[i].of_host;
		assert_int_equal(make(plan_container, host, policy, &plan, NULL), 0);
		row = &plan->receipt.rows[FIELD_CPU_QUOTA_PCT];
		assert_int_equal(row->verdict, rows[i].verdict);
		/* "1 processor", and not the beginning of "1 processors". */
		assert_string_equal(strstr(row->mechanism, "with "), rows[i].mechanism);
		if (!rows[i].detail)
			assert_null(row->detail);
		else
			assert_non_null(strstr(row->detail, rows[i].detail));
		/* What is said is what is asked for. */
		snprintf(given, sizeof(given), "%u", (unsigned)container_processors(plan));
		for (size_t word = 1; word < plan->helper.len; word++)
			found |= strcmp(plan->helper.items[word - 1], "--cpus") == 0 &&
				 strcmp(plan->helper.items[word], given) == 0;
		assert_true(found);
		plan_free(plan);
		ks_policy_free(policy);
		host_free(host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remedies_hold),
		cmocka_unit_test(test_processors),
	};

	return cmocka_run_group_tests_name("macos_remedies", tests, NULL, NULL);
}
