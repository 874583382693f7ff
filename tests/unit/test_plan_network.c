/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the network that a policy asks for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "linux/plan/bwrap.h"
#include "linux/plan/landlock_backend.h"
#include "linux/plan/parts.h"
#include "plan/mounts.h"
#include "plan_fixture.h"

static bool has_text(const struct strv *list, const char *text)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static void test_proxy_egress_is_the_hosts_network(void **state)
{
	struct ks_host *host = fixture_host("abi10");
	struct ks_plan *plan;

	(void)state;
	assert_int_equal(host_add_path(host, "/etc/hosts", HOST_FILE, NULL), 0);
	assert_int_equal(host_add_path(host, "/etc/resolv.conf", HOST_FILE, NULL), 0);
	for (int real = 0; real < 2; real++) {
		const struct mount *hosts, *names;

		plan = fixture_plan(host, real ? "{\"net\":\"ProxyEgress\"}" : "{}", NULL);
		assert_int_equal(plan_bwrap_helper(plan, host), 0);
		assert_int_equal(plan->network, real ? NETWORK_HOST : NETWORK_NONE);
		assert_int_equal(plan->landlock.handled_net != 0, !real);
		assert_int_equal(plan->filter.profile,
			real ? KS_PROFILE_WORKER_NET_CLIENT : KS_PROFILE_WORKER_STRICT);
		assert_int_equal(has_text(&plan->helper, "--unshare-net"), !real);
		hosts = mount_list_find(&plan->mounts, "/etc/hosts");
		names = mount_list_find(&plan->mounts, "/etc/resolv.conf");
		assert_int_equal(hosts->kind, real ? MOUNT_BIND_HOST : MOUNT_DATA);
		assert_int_equal(names != NULL, real);
		plan_free(plan);
	}
	host_free(host);
}

static void test_proxy_egress_needs_namespaces(void **state)
{
	struct ks_host *host = fixture_host("debian12-root");
	struct plan_request request = {
		.policy = fixture_policy("{\"net\":\"ProxyEgress\"}"), .host = host};
	struct grants grants = {0};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(plan_landlock_backend(&request, &grants, &plan, &error), -EOPNOTSUPP);
	assert_null(plan);
	assert_string_equal(ks_error_field(error), "net");
	ks_error_free(error);
	ks_policy_free((ks_policy *)request.policy);
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proxy_egress_is_the_hosts_network),
		cmocka_unit_test(test_proxy_egress_needs_namespaces),
	};

	return cmocka_run_group_tests_name("plan_network", tests, NULL, NULL);
}
