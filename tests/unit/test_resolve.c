/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of resolving, with tables of systems that are not here, too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <kastellan/kastellan.h>

#include "base/error.h"
#include "resolve/kinds.h"
#include "resolve/resolve.h"
#include "resolve_fixture.h"

static const struct backend_table nowhere = {.default_kind = KS_BACKEND_NONE};

static int fail_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	(void)tried;
	(void)ret_host;
	return error_oom(reterr);
}

static void test_none_is_the_default_of_the_system(void **state)
{
	ks_backends *linux_ones = NULL;
	ks_backends *mac_ones = make(&mac);
	ks_backend *backend;

	(void)state;
	assert_int_equal(ks_backends_new(&linux_ones), 0);
	backend = ask(linux_ones, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_backend_kind(backend), KS_BACKEND_BWRAP);
	assert_string_equal(ks_backend_name(backend), "bwrap");
	ks_backend_unref(backend);
	backend = ask(mac_ones, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_backend_kind(backend), SEATBELT);
	ks_backend_unref(backend);
	ks_backends_free(linux_ones);
	ks_backends_free(mac_ones);
}

static void test_a_kind_is_its_one_instance(void **state)
{
	static const enum ks_backend_kind kinds[] = {KS_BACKEND_BWRAP, KS_BACKEND_NATIVE,
		KS_BACKEND_LANDLOCK, KS_BACKEND_FIRECRACKER_VM, KS_BACKEND_QEMU_VM};
	ks_backends *backends = make(&platform_backends);

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ks_backend *first = ask(backends, kinds[i], NULL);
		ks_backend *second = ask(backends, kinds[i], NULL);

		assert_int_equal(ks_backend_kind(first), kinds[i]);
		assert_ptr_equal(first, second);
		ks_backend_unref(first);
		ks_backend_unref(second);
	}
	assert_int_equal(atomic_load(&probes), 0);
	ks_backends_free(backends);
}

static void test_images(void **state)
{
	ks_backends *backends = make(&mac);
	ks_backend *cached = ask(backends, CONTAINER, NULL);
	ks_backend *again = ask(backends, CONTAINER, NULL);
	ks_backend *fresh = ask(backends, CONTAINER, "debian:12");
	ks_backend *other = ask(backends, CONTAINER, "debian:12");
	ks_backend *ignored = ask(backends, SEATBELT, "debian:12");
	ks_backend *by_default = ask(backends, KS_BACKEND_NONE, "debian:12");

	(void)state;
	assert_string_equal(ks_backend_image(cached), "alpine:3.20");
	assert_ptr_equal(cached, again);
	assert_string_equal(ks_backend_image(fresh), "debian:12");
	assert_ptr_not_equal(fresh, cached);
	assert_ptr_not_equal(fresh, other);
	assert_null(ks_backend_image(ignored));
	assert_ptr_equal(ignored, by_default);
	/* It did not become the cached one. */
	ks_backend_unref(again);
	again = ask(backends, CONTAINER, NULL);
	assert_ptr_equal(again, cached);
	ks_backends_free(backends);
	assert_string_equal(ks_backend_image(fresh), "debian:12"); /* outlives its bundle */
	ks_backend_unref(cached);
	ks_backend_unref(again);
	ks_backend_unref(fresh);
	ks_backend_unref(other);
	ks_backend_unref(ignored);
	ks_backend_unref(by_default);
}

static void test_what_is_no_kind_is_refused(void **state)
{
	ks_backends *backends = make(&platform_backends);
	ks_backend *backend = NULL;

	(void)state;
	assert_int_equal(
		ks_backends_resolve(backends, (enum ks_backend_kind)99, NULL, &backend), -EINVAL);
	assert_int_equal(ks_backends_resolve(backends, SEATBELT, NULL, &backend), -EINVAL);
	assert_null(backend);
	ks_backends_free(backends);
}

static void test_a_system_without_backends_refuses_to_spawn(void **state)
{
	ks_backends *backends = make(&nowhere);
	ks_backend *backend = ask(backends, KS_BACKEND_NONE, "debian:12");
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(ks_backend_kind(backend), KS_BACKEND_NONE);
	assert_string_equal(ks_backend_name(backend), "none");
	assert_int_equal(backend_can_plan(backend, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "no backend for this operating system"));
	ks_error_free(error);
	ks_backend_unref(backend);
	ks_backends_free(backends);
}

static void test_what_is_not_built_says_so(void **state)
{
	static const enum ks_backend_kind kinds[] = {KS_BACKEND_NATIVE, KS_BACKEND_LANDLOCK,
		KS_BACKEND_FIRECRACKER_VM, KS_BACKEND_QEMU_VM};
	ks_backends *backends = make(&platform_backends);

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ks_backend *backend = ask(backends, kinds[i], NULL);
		ks_error *error = NULL;

		if (backend_ops(backend)) {
			ks_backend_unref(backend);
			continue;
		}
		assert_int_equal(backend_can_plan(backend, &error), -EOPNOTSUPP);
		assert_non_null(strstr(ks_error_message(error), ks_backend_name(backend)));
		assert_non_null(strstr(ks_error_message(error), "not built in this version"));
		ks_error_free(error);
		ks_backend_unref(backend);
	}
	ks_backends_free(backends);
}

static void test_names(void **state)
{
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	ks_error *error = NULL;

	(void)state;
	for (unsigned number = 1; number <= 5; number++) {
		assert_int_equal(ks_backend_kind_from_name(kind_name(number), &kind, &error), 0);
		assert_int_equal(kind, number);
	}
	assert_int_equal(ks_backend_kind_from_name("seatbelt", &kind, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "only on macOS"));
	assert_int_equal(ks_backend_kind_from_name("Bwrap", &kind, &error), -EINVAL);
	assert_int_equal(ks_backend_kind_from_name("none", &kind, &error), -EINVAL);
	assert_int_equal(ks_backend_kind_from_name("", &kind, &error), -EINVAL);
	assert_int_equal(kind, 5);
	assert_int_equal(kind_from_name(&mac, "container", &kind, &error), 0);
	assert_int_equal(kind, 7);
	assert_int_equal(kind_from_name(&mac, "bwrap", &kind, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "only on Linux"));
	assert_string_equal(kind_name(0), "none");
	assert_string_equal(kind_name(99), "none");
	ks_error_free(error);
}

static void test_nothing_is_probed_twice(void **state)
{
	ks_backends *backends = make(&mac);
	ks_backend *one = ask(backends, SEATBELT, NULL);
	ks_backend *two = ask(backends, CONTAINER, "debian:12");
	const struct ks_host *first;
	const struct ks_host *host;

	(void)state;
	assert_int_equal(atomic_load(&probes), 0);
	assert_int_equal(backend_host(one, false, &first, NULL), 0);
	assert_int_equal(backend_host(two, false, &host, NULL), 0);
	assert_ptr_equal(first, host);
	assert_int_equal(atomic_load(&probes), 1);
	assert_int_equal(ks_backends_probe(backends, NULL), 0);
	assert_int_equal(ks_backends_probe(backends, NULL), 0);
	assert_int_equal(atomic_load(&probes), 2);
	/* Tried facts are as good for a spawn, and the first ones stay where they were. */
	assert_int_equal(backend_host(one, false, &host, NULL), 0);
	assert_true(host->tried);
	assert_int_equal(first->landlock_abi, 6);
	assert_int_equal(atomic_load(&probes), 2);
	ks_backends_free(backends);
	assert_int_equal(backend_host(two, true, &host, NULL), 0);
	assert_int_equal(atomic_load(&probes), 2);
	ks_backend_unref(one);
	ks_backend_unref(two);
}

static void test_a_failing_probe_is_told(void **state)
{
	ks_backends *backends = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(backends_new(&mac, fail_probe, &backends), 0);
	assert_int_equal(ks_backends_probe(backends, &error), -ENOMEM);
	assert_non_null(error);
	ks_error_free(error);
	ks_backends_free(backends);
}

static void test_findings_are_listed(void **state)
{
	ks_backends *backends = make(&platform_backends);
	struct ks_finding finding = {.size = sizeof(finding)};
	struct ks_finding small = {.size = offsetof(struct ks_finding, detail)};
	unsigned layers = 0;
	unsigned kinds = 0;
	size_t i = 0;
	char *text = NULL;

	(void)state;
	small.detail = "untouched";
	while (ks_backends_finding(backends, i, &finding) == 0) {
		assert_non_null(finding.name);
		assert_int_equal(finding.is_backend, finding.kind != KS_BACKEND_NONE);
		assert_int_equal(finding.is_default, finding.kind == KS_BACKEND_BWRAP);
		if (finding.state == KS_FINDING_FAILS)
			assert_non_null(finding.reason);
		if (finding.is_backend)
			kinds++;
		else
			layers++;
		i++;
	}
	assert_int_equal(ks_backends_finding(backends, i, &finding), -ENOENT);
	assert_int_equal(kinds, 5);
	assert_int_equal(layers, 7);
	/* An older caller's structure is filled as far as it goes. */
	assert_int_equal(ks_backends_finding(backends, 0, &small), 0);
	assert_string_equal(small.name, "bubblewrap");
	assert_string_equal(small.detail, "untouched");
	assert_int_equal(ks_backends_json(backends, &text, NULL), 0);
	assert_non_null(strstr(text, "\"kind\": \"firecracker\""));
	assert_non_null(strstr(text, "\"layer\": \"landlock\""));
	assert_non_null(strstr(text, "\"host\""));
	free(text);
	ks_backends_free(backends);
}

static void describe(const char *facts, ks_backends **ret_backends)
{
	assert_int_equal(ks_backends_describe(facts, strlen(facts), ret_backends, NULL), 0);
}

/* Described hosts plan, tell what is found in the facts, and run nothing. */
static void test_a_described_host_runs_nothing(void **state)
{
	static const char mac_facts[] =
		"{\"os\":\"macos\",\"uid\":501,\"gid\":20,"
		"\"macos\":{\"version\":\"15.5\",\"sandbox_exec\":true},"
		"\"paths\":[{\"path\":\"/l\",\"kind\":\"link\",\"target\":\"real/./x/../y\"},"
		"{\"path\":\"/real/y/f\",\"kind\":\"file\"}]}";
	static const char *const argv[] = {"/bin/true", NULL};
	ks_backends *backends = NULL;
	ks_backend *backend;
	ks_policy *policy = NULL;
	ks_plan *plan = NULL;
	ks_error *error = NULL;
	ks_outcome *outcome = NULL;
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	char *text = NULL;

	(void)state;
	describe(mac_facts, &backends);
	assert_int_equal(ks_backends_kind_from_name(backends, "seatbelt", &kind, NULL), 0);
	assert_int_equal(kind, SEATBELT);
	assert_int_equal(ks_backends_kind_from_name(backends, "bwrap", &kind, &error), -EOPNOTSUPP);
	backend = ask(backends, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_backend_kind(backend), SEATBELT);
	assert_int_equal(ks_policy_new(&policy), 0);
	assert_int_equal(ks_policy_add_read(policy, "/l/f", NULL), 0);
	assert_int_equal(ks_policy_add_read(policy, "?/not/there", NULL), 0);
	assert_int_equal(ks_plan_new(backend, policy, argv, &plan, NULL), 0);
	assert_int_equal(ks_plan_json(plan, &text), 0);
	assert_non_null(strstr(text, "\"path\": \"/real/y/f\",\n      \"directory\": false"));
	assert_non_null(strstr(text, "\"path\": \"/not/there\""));
	assert_int_equal(ks_run(backend, policy, argv, NULL, &outcome, &error), -EOPNOTSUPP);
	assert_string_equal(ks_error_step(error), "resolve");
	assert_null(outcome);
	free(text);
	ks_error_free(error);
	ks_plan_free(plan);
	ks_policy_free(policy);
	ks_backend_unref(backend);
	ks_backends_free(backends);
}

static void test_what_a_doctor_prints_describes_a_host(void **state)
{
	ks_backends *here = make(&platform_backends);
	ks_backends *there = NULL;
	char *text = NULL;
	char *again = NULL;

	(void)state;
	assert_int_equal(ks_backends_json(here, &text, NULL), 0);
	/* The facts of the fixture have no system. */
	assert_int_equal(ks_backends_describe(text, strlen(text), &there, NULL), -EINVAL);
	free(text);
	ks_backends_free(here);
	assert_int_equal(ks_backends_new(&here), 0);
	assert_int_equal(ks_backends_json(here, &text, NULL), 0);
	describe(text, &there);
	assert_int_equal(ks_backends_json(there, &again, NULL), 0);
	assert_string_equal(text, again);
	free(text);
	free(again);
	ks_backends_free(here);
	ks_backends_free(there);
}

static void test_bad_descriptions(void **state)
{
	static const char circle[] =
		"{\"os\":\"macos\",\"uid\":501,\"gid\":20,\"macos\":{},"
		"\"paths\":[{\"path\":\"/a\",\"kind\":\"link\",\"target\":\"b\"},"
		"{\"path\":\"/b\",\"kind\":\"link\",\"target\":\"/a/../a\"}]}";
	static const char plan9[] = "{\"os\":\"plan9\",\"uid\":1,\"gid\":1}";
	static const char *const bad[] = {"", "[]", "{\"os\":\"macos\",\"macos\":{}}", "{\"os\":1}",
		"{\"host\":[]}", "{\"sos\":1}"};
	ks_backends *backends = NULL;
	ks_backend *backend;
	ks_policy *policy = NULL;
	ks_plan *plan = NULL;
	ks_error *error = NULL;
	char *large = calloc(1, 1048578);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			ks_backends_describe(bad[i], strlen(bad[i]), &backends, &error), -EINVAL);
	assert_int_equal(
		ks_backends_describe(plan9, sizeof(plan9) - 1, &backends, &error), -EOPNOTSUPP);
	assert_string_equal(ks_error_field(error), "os");
	assert_non_null(large);
	memset(large, ' ', 1048577);
	assert_int_equal(ks_backends_describe(large, 1048577, &backends, &error), -E2BIG);
	assert_null(backends);
	describe(circle, &backends);
	backend = ask(backends, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_policy_new(&policy), 0);
	assert_int_equal(ks_policy_add_write(policy, "/a/x", NULL), 0);
	assert_int_equal(ks_plan_new(backend, policy, NULL, &plan, &error), -ELOOP);
	assert_string_equal(ks_error_field(error), "fs_write");
	ks_error_free(error);
	ks_policy_free(policy);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_is_the_default_of_the_system),
		cmocka_unit_test(test_a_kind_is_its_one_instance),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_what_is_no_kind_is_refused),
		cmocka_unit_test(test_a_system_without_backends_refuses_to_spawn),
		cmocka_unit_test(test_what_is_not_built_says_so),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nothing_is_probed_twice),
		cmocka_unit_test(test_a_failing_probe_is_told),
		cmocka_unit_test(test_findings_are_listed),
		cmocka_unit_test(test_a_described_host_runs_nothing),
		cmocka_unit_test(test_what_a_doctor_prints_describes_a_host),
		cmocka_unit_test(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
