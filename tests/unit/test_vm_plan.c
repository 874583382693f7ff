/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine's plan refuses, and what no machine's plan may hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plan_fixture.h"
#include "resolve/why_not.h"
#include "plan/landlock.h"
#include "vm/plan/firecracker.h"
#include "vm/plan/machine.h"
#include "vm/plan/qemu.h"

static void drop(char **slot)
{
	free(*slot);
	*slot = NULL;
}

static int plan_on(const struct ks_host *host, struct ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_policy *policy = fixture_policy("{\"fs_read\":[\"/srv/in\"]}");
	static const char *const argv[] = {"/bin/true", NULL};
	struct plan_request request = {.policy = policy, .host = host, .argv = argv};
	struct grants grants = {0};
	int r;

	fixture_grant(&grants, FIELD_FS_READ, "/srv/in", NULL, true);
	r = plan_qemu(&request, &grants, ret_plan, reterr);
	grants_done(&grants);
	ks_policy_free(policy);
	return r;
}

static void refused(
	const struct ks_host *host, const char *step, const char *reason, const char *remedy)
{
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;

	assert_true(plan_on(host, &plan, &error) < 0);
	assert_null(plan);
	assert_string_equal(ks_error_step(error), step);
	assert_non_null(strstr(ks_error_message(error), reason));
	if (remedy)
		assert_non_null(strstr(ks_error_remedy(error), remedy));
	ks_error_free(error);
}

/* The control: with all of them the same host has a plan. */
static void test_each_missing_part_has_its_remedy(void **state)
{
	struct ks_host *host = fixture_host("vm-emulated");
	struct ks_plan *plan = NULL;

	(void)state;
	assert_int_equal(plan_on(host, &plan, NULL), 0);
	plan_free(plan);
	drop(&host->vm.kernel);
	refused(host, "kernel", "no kernel for the guest",
		"apt-get install linux-image-cloud-amd64");
	refused(host, "kernel", "no kernel for the guest", "KASTELLAN_VM_ROOT");
	host->vm.kernel_reason = strdup("/boot/vmlinuz-6.8 may not be read by this user");
	refused(host, "kernel", "may not be read", "chmod a+r");
	drop(&host->vm.firmware);
	refused(host, "qemu", "firmware", "apt-get install qemu-system-x86");
	drop(&host->vm.qemu);
	refused(host, "qemu", "qemu-system-x86_64", "apt-get install qemu-system-x86");
	drop(&host->machine);
	host->machine = strdup("aarch64");
	refused(host, "machine", "aarch64", "bwrap or native");
	host_free(host);
}

static void test_a_host_whose_jails_fail_makes_no_machine(void **state)
{
	struct ks_host *host = fixture_host("vm-emulated");

	(void)state;
	host->native.works = false;
	host->native.reason = strdup("namespaces: clone: no");
	refused(host, "native", "clone: no", NULL);
	host_free(host);
}

static void test_emulation_is_said(void **state)
{
	struct ks_host *host = fixture_host("vm-emulated");
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_qemu(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_LIMITED);
	assert_non_null(strstr(why.reason, "emulated"));
	why_not_done(&why);
	host->vm.kvm = true;
	assert_int_equal(why_not_qemu(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
	host_free(host);
}

static void test_firecracker_says_what_it_lacks(void **state)
{
	struct ks_host *host = fixture_host("vm-kvm");
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_firecracker(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
	host->vm.kvm = false;
	assert_int_equal(why_not_firecracker(host, &why), 0);
	assert_string_equal(why.layer, "kvm");
	assert_non_null(strstr(why.remedy, "/dev/kvm"));
	why_not_done(&why);
	drop(&host->vm.firecracker);
	assert_int_equal(why_not_firecracker(host, &why), 0);
	assert_string_equal(why.layer, "firecracker");
	assert_non_null(strstr(why.remedy, "KASTELLAN_FIRECRACKER"));
	why_not_done(&why);
	host_free(host);
}

static void test_an_old_firecracker_is_refused(void **state)
{
	static const struct {
		const char *version;
		bool works;
	} rows[] = {{"1.7.0", false}, {"0.25.2", false}, {"1.8.0", true}, {"1.12.1", true},
		{"2.0.0", true}, {"other", true}};
	struct ks_host *host = fixture_host("vm-kvm");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why_not why;

		drop(&host->vm.firecracker_version);
		host->vm.firecracker_version = strdup(rows[i].version);
		assert_int_equal(why_not_firecracker(host, &why), 0);
		assert_int_equal(why.state, rows[i].works ? KS_FINDING_WORKS : KS_FINDING_FAILS);
		if (!rows[i].works)
			assert_non_null(strstr(why.remedy, "1.8"));
		why_not_done(&why);
	}
	host_free(host);
}

/* Of the machine's jail: nothing of the policy's, no way to a network, and every path of the
 * command shown in it. */
static void test_the_machine_sees_nothing_of_the_worker(void **state)
{
	struct ks_host *host = fixture_host("vm-emulated");
	struct grants grants = {0};
	struct ks_plan *plan = NULL, *jail = NULL;

	(void)state;
	assert_int_equal(plan_on(host, &plan, NULL), 0);
	assert_int_equal(plan_machine_jail(plan, host, &grants, &jail, NULL), 0);
	assert_int_equal(jail->kind, KS_BACKEND_NATIVE);
	assert_int_equal(jail->network, NETWORK_NONE);
	assert_int_equal(jail->filter.profile, KS_PROFILE_WORKER_STRICT);
	assert_int_equal(jail->policy->n_env, 0);
	for (size_t i = 0; i < jail->mounts.len; i++) {
		const char *path = jail->mounts.items[i].path;

		assert_null(strstr(path, "/srv"));
		assert_string_not_equal(path, "/usr");
		assert_false(jail->mounts.items[i].writable);
	}
	for (size_t i = 0; i < plan->vm.command.len; i++) {
		const char *word = plan->vm.command.items[i];

		if (word[0] == '/' && strncmp(word, "/proc/self/fd/", 14) != 0)
			assert_non_null(fixture_seen(&jail->mounts, word));
	}
	plan_free(jail);
	plan_free(plan);
	host_free(host);
}

static void take_firecracker(
	const struct ks_host *host, const char *text, struct ks_plan **ret_plan)
{
	struct ks_policy *policy = fixture_policy(text);
	static const char *const argv[] = {"/bin/true", NULL};
	struct plan_request request = {.policy = policy, .host = host, .argv = argv};
	struct grants grants = {0};

	assert_int_equal(plan_firecracker(&request, &grants, ret_plan, NULL), 0);
	ks_policy_free(policy);
}

static uint64_t rights_at(const struct landlock_plan *landlock, const char *path)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < landlock->n_rules; i++)
		if (strcmp(landlock->rules[i].path, path) == 0)
			rights |= landlock->rules[i].access;
	return rights;
}

/* One file that needs no other sees no other; and only it may open sockets, in one place. */
static void test_firecracker_sees_itself_alone(void **state)
{
	static const char *const seen[] = {"/configuration", "/dev", "/dev/kvm", "/kastellan-vm",
		"/kernel", "/proc", "/run", "/usr/local/bin/firecracker"};
	struct ks_host *host = fixture_host("vm-kvm");
	struct grants grants = {0};
	struct ks_plan *plan = NULL, *jail = NULL;

	(void)state;
	take_firecracker(host, "{}", &plan);
	assert_int_equal(plan_machine_jail(plan, host, &grants, &jail, NULL), 0);
	assert_int_equal(jail->mounts.len, sizeof(seen) / sizeof(seen[0]));
	for (size_t i = 0; i < jail->mounts.len; i++) {
		assert_string_equal(jail->mounts.items[i].path, seen[i]);
		assert_int_equal(jail->mounts.items[i].writable, strcmp(seen[i], "/run") == 0);
	}
	assert_true(jail->filter.around_emulator);
	assert_int_equal(jail->network, NETWORK_NONE);
	for (size_t i = 0; i < jail->landlock.n_rules; i++)
		if (jail->landlock.rules[i].access & LANDLOCK_BIT(FS_MAKE_SOCK))
			assert_string_equal(jail->landlock.rules[i].path, "/run");
	assert_true(rights_at(&jail->landlock, "/run") & LANDLOCK_BIT(FS_MAKE_SOCK));
	assert_true(rights_at(&jail->landlock, "/configuration") & LANDLOCK_BIT(FS_READ_FILE));
	plan_free(jail);
	/* The control: with libraries it is shown what QEMU is. */
	host->vm.firecracker_static = false;
	grants = (struct grants){0};
	assert_int_equal(plan_machine_jail(plan, host, &grants, &jail, NULL), 0);
	assert_non_null(fixture_seen(&jail->mounts, "/usr/lib/x86_64-linux-gnu"));
	plan_free(jail);
	plan_free(plan);
	host_free(host);
}

/* An allowlist adds the way to the proxy, and nothing that it sees. */
static void test_firecracker_with_an_allowlist_sees_no_more(void **state)
{
	struct ks_host *host = fixture_host("vm-kvm");
	struct grants grants[2] = {{0}, {0}};
	struct ks_plan *plans[2], *jails[2];

	(void)state;
	take_firecracker(host, "{}", &plans[0]);
	take_firecracker(host, "{\"net\":{\"Allowlist\":[\"192.0.2.1:443\"]}}", &plans[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(plan_machine_jail(plans[i], host, &grants[i], &jails[i], NULL), 0);
	assert_int_equal(jails[0]->network, NETWORK_NONE);
	assert_int_equal(jails[0]->filter.profile, KS_PROFILE_WORKER_STRICT);
	assert_int_equal(plans[0]->vm.connections, 0);
	assert_int_equal(jails[1]->network, NETWORK_PROXY);
	assert_int_equal(jails[1]->filter.profile, KS_PROFILE_WORKER_NET_CLIENT);
	assert_int_equal(plans[1]->vm.connections, jails[1]->policy->egress.connections);
	assert_string_equal(jails[1]->policy->endpoints[0].text, "192.0.2.1:443");
	assert_true(jails[1]->filter.around_emulator);
	assert_int_equal(jails[0]->mounts.len, jails[1]->mounts.len);
	for (size_t i = 0; i < jails[0]->mounts.len; i++)
		assert_string_equal(jails[0]->mounts.items[i].path, jails[1]->mounts.items[i].path);
	for (int i = 0; i < 2; i++) {
		plan_free(jails[i]);
		plan_free(plans[i]);
	}
	host_free(host);
}

/* Secrets and arguments of the worker are nowhere in what starts the machine. */
static void test_nothing_of_the_worker_is_in_the_command(void **state)
{
	struct ks_host *host = fixture_host("vm-kvm");
	struct ks_policy *policy = fixture_policy("{\"env\":{\"TOKEN\":\"s3cret\"}}");
	static const char *const argv[] = {"/bin/echo", "argument", NULL};
	struct plan_request request = {.policy = policy, .host = host, .argv = argv};
	struct grants grants = {0};
	struct ks_plan *plan = NULL;
	char *text = NULL;

	(void)state;
	assert_int_equal(plan_qemu(&request, &grants, &plan, NULL), 0);
	for (size_t i = 0; i < plan->vm.command.len; i++) {
		assert_null(strstr(plan->vm.command.items[i], "s3cret"));
		assert_null(strstr(plan->vm.command.items[i], "argument"));
		assert_null(strstr(plan->vm.command.items[i], "tsc"));
	}
	assert_int_equal(plan_write_json(plan, &text), 0);
	assert_null(strstr(text, "s3cret"));
	free(text);
	plan_free(plan);
	ks_policy_free(policy);
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_missing_part_has_its_remedy),
		cmocka_unit_test(test_a_host_whose_jails_fail_makes_no_machine),
		cmocka_unit_test(test_emulation_is_said),
		cmocka_unit_test(test_firecracker_says_what_it_lacks),
		cmocka_unit_test(test_an_old_firecracker_is_refused),
		cmocka_unit_test(test_the_machine_sees_nothing_of_the_worker),
		cmocka_unit_test(test_firecracker_sees_itself_alone),
		cmocka_unit_test(test_firecracker_with_an_allowlist_sees_no_more),
		cmocka_unit_test(test_nothing_of_the_worker_is_in_the_command),
	};

	return cmocka_run_group_tests_name("vm_plan", tests, NULL, NULL);
}
