/* SPDX-License-Identifier: Apache-2.0 */
/* Firecracker's configuration against its published interface, strictly: it ignores keys that it
 * does not know at the top, and a mistake there would be a machine other than the planned one. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../doubles/firecracker/schema.h"
#include "plan_fixture.h"
#include "vm/plan/firecracker.h"

static struct ks_plan *make_plan(const char *policy_text)
{
	struct ks_host *host = fixture_host("vm-kvm");
	struct ks_policy *policy = fixture_policy(policy_text);
	static const char *const argv[] = {"/bin/echo", "argument", NULL};
	struct plan_request request = {.policy = policy, .host = host, .argv = argv};
	struct grants grants = {0};
	struct ks_plan *plan = NULL;

	assert_int_equal(plan_firecracker(&request, &grants, &plan, NULL), 0);
	ks_policy_free(policy);
	host_free(host);
	return plan;
}

static json_t *make_config(void)
{
	struct ks_plan *plan = make_plan("{\"mem_mb\":256,\"env\":{\"TOKEN\":\"s3cret\"}}");
	json_t *json = json_loads(plan->vm.config, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	assert_null(strstr(plan->vm.config, "s3cret"));
	assert_null(strstr(plan->vm.config, "argument"));
	plan_free(plan);
	return json;
}

static void test_the_configuration_is_of_the_schema(void **state)
{
	json_t *json = make_config();
	const json_t *machine = json_object_get(json, "machine-config");
	const char *words = json_string_value(
		json_object_get(json_object_get(json, "boot-source"), "boot_args"));

	(void)state;
	assert_null(schema_fault(json));
	assert_int_equal(json_integer_value(json_object_get(machine, "mem_size_mib")), 256 + 96);
	/* The emulator's own words, which would forbid the modules, are replaced. */
	assert_null(strstr(words, "nomodule"));
	assert_non_null(strstr(words, "reboot=k"));
	json_decref(json);
}

/* The check is worth something: each of these is found. */
static void test_the_check_finds_what_is_wrong(void **state)
{
	static const struct {
		const char *object; /* "" = the top */
		const char *name;
		const char *value; /* JSON; NULL = taken out */
	} changes[] = {
		{"", "serial", "{}"},
		{"", "network-interfaces", "[]"},
		{"", "boot_source", "{}"},
		{"", "drives", "[{}]"},
		{"", "vsock", NULL},
		{"", "boot-source", "\"/kernel\""},
		{"boot-source", "kernel_image_path", NULL},
		{"boot-source", "kernel_image_path", "7"},
		{"boot-source", "kernel_image_path", "\"\""},
		{"boot-source", "initrd", "\"/x\""},
		{"machine-config", "vcpu_count", "0"},
		{"machine-config", "vcpu_count", "33"},
		{"machine-config", "mem_size_mib", "\"256\""},
		{"machine-config", "mem_size_mib", NULL},
		{"machine-config", "smt", "0"},
		{"machine-config", "ht_enabled", "false"},
		{"vsock", "guest_cid", "2"},
		{"vsock", "uds_path", NULL},
		{"entropy", "rate", "1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		json_t *json = make_config();
		json_t *object = *changes[i].object ? json_object_get(json, changes[i].object)
						    : json;
		const char *fault;

		if (changes[i].value)
			json_object_set_new(object, changes[i].name,
				json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(object, changes[i].name);
		fault = schema_fault(json);
		if (!fault || strcmp(fault, changes[i].name) != 0)
			fail_msg("%s.%s: %s", changes[i].object, changes[i].name,
				fault ? fault : "was taken");
		json_decref(json);
	}
}

static void test_the_command_has_no_api(void **state)
{
	struct ks_plan *plan = make_plan("{}");
	bool api = true;

	(void)state;
	for (size_t i = 0; i < plan->vm.command.len; i++) {
		assert_string_not_equal(plan->vm.command.items[i], "--api-sock");
		api &= strcmp(plan->vm.command.items[i], "--no-api") != 0;
	}
	assert_false(api);
	assert_non_null(plan->evidence);
	plan_free(plan);
}

static void test_without_kvm_or_its_program_it_is_refused(void **state)
{
	struct ks_host *host = fixture_host("vm-kvm");
	struct ks_policy *policy = fixture_policy("{}");
	struct plan_request request = {.policy = policy, .host = host};
	struct grants grants = {0};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;

	(void)state;
	host->vm.kvm = false;
	assert_int_equal(plan_firecracker(&request, &grants, &plan, &error), -ENODEV);
	assert_string_equal(ks_error_step(error), "kvm");
	assert_non_null(strstr(ks_error_remedy(error), "/dev/kvm"));
	ks_error_free(error);
	error = NULL;
	free(host->vm.firecracker);
	host->vm.firecracker = NULL;
	assert_int_equal(plan_firecracker(&request, &grants, &plan, &error), -ENOENT);
	assert_string_equal(ks_error_step(error), "firecracker");
	ks_error_free(error);
	ks_policy_free(policy);
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_configuration_is_of_the_schema),
		cmocka_unit_test(test_the_check_finds_what_is_wrong),
		cmocka_unit_test(test_the_command_has_no_api),
		cmocka_unit_test(test_without_kvm_or_its_program_it_is_refused),
	};

	return cmocka_run_group_tests_name("vm_firecracker", tests, NULL, NULL);
}
