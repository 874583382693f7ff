/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's calls: defaults, setters against the same rules as the parser, ceilings, loading,
 * and the table that describes the fields. */
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
#include "base/utf8.h"
#include "policy/egress.h"
#include "policy/fields.h"
#include "policy/say.h"
#include "policy_fixture.h"

static void defaults_are_conservative(void **state)
{
	ks_policy *policy = new_policy();

	(void)state;
	assert_null(ks_policy_read_path(policy, 0, NULL));
	assert_null(ks_policy_write_path(policy, 0, NULL));
	assert_int_equal(ks_policy_net(policy), KS_NET_DENY);
	assert_null(ks_policy_endpoint(policy, 0));
	assert_int_equal(ks_policy_cpu_ms(policy), 1000);
	assert_int_equal(ks_policy_mem_mb(policy), 64);
	assert_int_equal(ks_policy_profile(policy), KS_PROFILE_WORKER_STRICT);
	assert_true(ks_policy_cpu_quota_pct(policy) == KS_POLICY_UNSET);
	assert_true(ks_policy_tasks_max(policy) == KS_POLICY_UNSET);
	assert_null(ks_policy_env(policy, 0, NULL));
	assert_int_equal(ks_policy_egress_sni(policy), KS_SNI_MATCH);
	assert_int_equal(ks_policy_egress_connections(policy), 256);
	assert_int_equal(ks_policy_egress_names(policy), 1024);
	assert_int_equal(ks_policy_egress_bytes(policy), 0);
	assert_int_equal(ks_policy_egress_connect_ms(policy), 30000);
	assert_int_equal(ks_policy_egress_idle_ms(policy), 0);
	ks_policy_free(policy);
	ks_policy_free(NULL);
}

static void grants_are_normalised_and_kept_in_order(void **state)
{
	ks_policy *policy = new_policy();
	int optional = -1;

	(void)state;
	assert_int_equal(ks_policy_add_read(policy, "/srv//b/./", NULL), 0);
	assert_int_equal(ks_policy_add_read(policy, "?/srv/a", NULL), 0);
	assert_int_equal(ks_policy_add_write(policy, "/srv/b", NULL), 0);
	assert_string_equal(ks_policy_read_path(policy, 0, &optional), "/srv/b");
	assert_int_equal(optional, 0);
	assert_string_equal(ks_policy_read_path(policy, 1, &optional), "/srv/a");
	assert_int_equal(optional, 1);
	optional = -1;
	assert_null(ks_policy_read_path(policy, 2, &optional));
	assert_int_equal(optional, -1);
	assert_string_equal(ks_policy_write_path(policy, 0, NULL), "/srv/b");
	ks_policy_free(policy);
}

static void setters_refuse_what_the_parser_refuses(void **state)
{
	ks_policy *policy = new_policy();
	ks_error *error = NULL;

	(void)state;
	expect_error(ks_policy_add_read(policy, "srv", &error), &error, -EINVAL, "fs_read",
		"\"srv\" is not an absolute path", "beginning with");
	expect_error(ks_policy_add_write(policy, "/sys/fs/cgroup", &error), &error, -EINVAL,
		"fs_write", "lift its own limits", "fields of the policy");
	expect_error(ks_policy_add_read(policy, "/srv/\xff", &error), &error, -EINVAL, "fs_read",
		"\"/srv/\\xff\" is not UTF-8", "rename it");
	expect_error(ks_policy_add_endpoint(policy, "*:443", &error), &error, -EINVAL, "net",
		"is a wildcard", "list the hosts");
	expect_error(ks_policy_set_mem_mb(policy, 1 << 26, &error), &error, -EINVAL, "mem_mb",
		"got 67108864", "write 64: the unit is MiB");
	expect_error(ks_policy_set_mem_mb(policy, KS_POLICY_UNSET, &error), &error, -EINVAL,
		"mem_mb", "from 0 to 16777216", "at most 16777216");
	expect_error(ks_policy_set_cpu_ms(policy, KS_MAX_CPU_MS + 1, &error), &error, -EINVAL,
		"cpu_ms", "a whole number of milliseconds", "at most");
	expect_error(ks_policy_set_cpu_quota_pct(policy, 0, &error), &error, -EINVAL,
		"cpu_quota_pct", "got 0", "at least 1");
	expect_error(ks_policy_set_tasks_max(policy, 0, &error), &error, -EINVAL, "tasks_max",
		"got 0", "at least 1");
	expect_error(ks_policy_set_net(policy, (enum ks_net)3, &error), &error, -EINVAL, "net",
		"3 is no kind of network", "KS_NET_DENY");
	expect_error(ks_policy_set_profile(policy, (enum ks_profile) - 1, &error), &error, -EINVAL,
		"profile", "-1 is no profile", "KS_PROFILE_WORKER_STRICT");
	expect_error(ks_policy_set_env(policy, "A=B", "c", &error), &error, -EINVAL, "env",
		"\"A=B\" holds \"=\"", "two strings");
	expect_error(ks_policy_set_env(policy, "A", "\xff", &error), &error, -EINVAL, "env",
		"the value of A is not UTF-8", "base64");
	/* Without a place for the error; and nothing of all that has left a trace. */
	assert_int_equal(ks_policy_add_read(policy, "", NULL), -EINVAL);
	assert_null(ks_policy_read_path(policy, 0, NULL));
	assert_null(ks_policy_env(policy, 0, NULL));
	assert_int_equal(ks_policy_mem_mb(policy), 64);
	assert_int_equal(ks_policy_net(policy), KS_NET_DENY);
	ks_policy_free(policy);
}

static void an_error_replaces_the_one_before(void **state)
{
	ks_policy *policy = new_policy();
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(ks_policy_add_read(policy, "one", &error), -EINVAL);
	assert_int_equal(ks_policy_add_read(policy, "two", &error), -EINVAL);
	assert_non_null(strstr(ks_error_message(error), "two"));
	assert_string_equal(ks_error_path(error), "two");
	assert_null(ks_error_next(error));
	/* Success leaves it alone. */
	assert_int_equal(ks_policy_add_read(policy, "/srv", &error), 0);
	assert_non_null(strstr(ks_error_message(error), "two"));
	ks_error_free(error);
	ks_policy_free(policy);
}

static void network_kinds_follow_the_endpoints(void **state)
{
	ks_policy *policy = new_policy();

	(void)state;
	assert_int_equal(ks_policy_set_net(policy, KS_NET_ALLOWLIST, NULL), 0);
	assert_int_equal(ks_policy_net(policy), KS_NET_DENY);
	assert_int_equal(ks_policy_add_endpoint(policy, "[2001:DB8::0]:443", NULL), 0);
	assert_int_equal(ks_policy_net(policy), KS_NET_ALLOWLIST);
	assert_string_equal(ks_policy_endpoint(policy, 0), "[2001:db8::]:443");
	assert_string_equal(policy->endpoints[0].host, "2001:db8::");
	assert_int_equal(policy->endpoints[0].port, 443);
	assert_int_equal(ks_policy_set_net(policy, KS_NET_PROXY_EGRESS, NULL), 0);
	assert_null(ks_policy_endpoint(policy, 0));
	assert_int_equal(ks_policy_net(policy), KS_NET_PROXY_EGRESS);
	ks_policy_free(policy);
}

static void variables_are_replaced_by_name(void **state)
{
	ks_policy *policy = new_policy();
	const char *value = NULL;

	(void)state;
	assert_int_equal(ks_policy_set_env(policy, "A", "1", NULL), 0);
	assert_int_equal(ks_policy_set_env(policy, "B", "", NULL), 0);
	assert_int_equal(ks_policy_set_env(policy, "A", "a longer value", NULL), 0);
	assert_string_equal(ks_policy_env(policy, 0, &value), "A");
	assert_string_equal(value, "a longer value");
	assert_string_equal(ks_policy_env(policy, 1, &value), "B");
	assert_string_equal(value, "");
	assert_null(ks_policy_env(policy, 2, &value));
	ks_policy_free(policy);
}

static void loading_tells_why_it_failed(void **state)
{
	ks_policy *policy = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(ks_policy_load("/nonexistent/policy.json", &policy, &error), -ENOENT);
	assert_string_equal(ks_error_path(error), "/nonexistent/policy.json");
	assert_non_null(strstr(ks_error_message(error), "No such file"));
	assert_int_equal(ks_policy_load("/", &policy, &error), -EISDIR);
	assert_non_null(strstr(ks_error_message(error), "cannot read /"));
	assert_null(policy);
	ks_error_free(error);
	assert_int_equal(ks_policy_load("/dev/zero", &policy, NULL), -E2BIG);
	assert_int_equal(ks_policy_load("/dev/null", &policy, NULL), -EINVAL);
}

static void copies_are_deep(void **state)
{
	ks_policy *policy = new_policy(), *copy = NULL;
	const char *value = NULL;

	(void)state;
	assert_int_equal(ks_policy_add_write(policy, "/srv", NULL), 0);
	assert_int_equal(ks_policy_set_env(policy, "A", "1", NULL), 0);
	assert_int_equal(ks_policy_set_tasks_max(policy, 7, NULL), 0);
	assert_int_equal(ks_policy_copy(policy, &copy), 0);
	assert_int_equal(ks_policy_set_env(policy, "A", "2", NULL), 0);
	ks_policy_free(policy);
	assert_string_equal(ks_policy_write_path(copy, 0, NULL), "/srv");
	assert_string_equal(ks_policy_env(copy, 0, &value), "A");
	assert_string_equal(value, "1");
	assert_int_equal(ks_policy_tasks_max(copy), 7);
	ks_policy_free(copy);
}

struct setting_calls {
	const char *name;
	int (*set)(ks_policy *policy, uint64_t value, ks_error **reterr);
	uint64_t (*get)(const ks_policy *policy);
	uint64_t least, most;
	const char *too_little; /* the remedy */
};

static const struct setting_calls setting_calls[] = {
	{"egress.connections", ks_policy_set_egress_connections, ks_policy_egress_connections, 1,
		4096, "write at least 1"},
	{"egress.names", ks_policy_set_egress_names, ks_policy_egress_names, 1, 65535,
		"write at least 1"},
	{"egress.bytes", ks_policy_set_egress_bytes, ks_policy_egress_bytes, 0, 1ull << 50, NULL},
	{"egress.connect_ms", ks_policy_set_egress_connect_ms, ks_policy_egress_connect_ms, 1,
		600000, "write at least 1"},
	{"egress.idle_ms", ks_policy_set_egress_idle_ms, ks_policy_egress_idle_ms, 0, 86400000,
		NULL},
};

#define N_SETTING_CALLS (sizeof(setting_calls) / sizeof(setting_calls[0]))

/* Each at its bounds, past them, and without a trace in the others. */
static void settings_of_the_proxy_have_bounds(void **state)
{
	ks_policy *policy = new_policy();
	ks_error *error = NULL;

	(void)state;
	for (size_t i = 0; i < N_SETTING_CALLS; i++) {
		const struct setting_calls *calls = &setting_calls[i];

		assert_int_equal(calls->set(policy, calls->least, NULL), 0);
		assert_true(calls->get(policy) == calls->least);
		if (calls->too_little)
			expect_error(calls->set(policy, calls->least - 1, &error), &error, -EINVAL,
				calls->name, "must be a whole number of", calls->too_little);
		assert_int_equal(calls->set(policy, calls->most, NULL), 0);
		expect_error(calls->set(policy, calls->most + 1, &error), &error, -EINVAL,
			calls->name, "must be a whole number of", "write at most");
		expect_error(calls->set(policy, KS_POLICY_UNSET, &error), &error, -EINVAL,
			calls->name, "got 18446744073709551615", "write at most");
		/* What went before is still there, what comes after is still untouched. */
		for (size_t j = 0; j < N_SETTING_CALLS; j++)
			assert_int_equal(
				setting_calls[j].get(policy) == setting_calls[j].most, j <= i);
	}
	expect_error(ks_policy_set_egress_sni(policy, (enum ks_sni)2, &error), &error, -EINVAL,
		"egress.sni", "2 is no way", "KS_SNI_MATCH or KS_SNI_OFF");
	assert_int_equal(ks_policy_egress_sni(policy), KS_SNI_MATCH);
	assert_int_equal(ks_policy_set_egress_sni(policy, KS_SNI_OFF, NULL), 0);
	assert_int_equal(ks_policy_egress_sni(policy), KS_SNI_OFF);
	ks_policy_free(policy);
}

static void expect_written(const ks_policy *policy, const char *part, bool there)
{
	autofree char *text = NULL;

	assert_int_equal(ks_policy_write(policy, &text), 0);
	if ((strstr(text, part) != NULL) != there)
		fail_msg("%s%s in\n%s", there ? "no " : "", part, text);
}

/* They wait for a list, and are only written where a reader would take them. */
static void settings_without_a_list_are_kept_and_not_written(void **state)
{
	ks_policy *policy = new_policy(), *copy = NULL;

	(void)state;
	assert_int_equal(ks_policy_set_egress_names(policy, 3, NULL), 0);
	expect_written(policy, "egress", false);
	assert_int_equal(ks_policy_set_net(policy, KS_NET_PROXY_EGRESS, NULL), 0);
	expect_written(policy, "\"egress\"", false);
	assert_int_equal(ks_policy_add_endpoint(policy, "a.example:443", NULL), 0);
	expect_written(policy,
		"\"egress\": {\n    \"sni\": \"match\",\n    \"connections\": 256,\n"
		"    \"names\": 3,\n",
		true);
	assert_int_equal(ks_policy_copy(policy, &copy), 0);
	assert_int_equal(ks_policy_egress_names(copy), 3);
	ks_policy_free(copy);
	assert_int_equal(ks_policy_set_egress_names(policy, 1024, NULL), 0);
	expect_written(policy, "egress", false);
	assert_int_equal(ks_policy_set_egress_sni(policy, KS_SNI_OFF, NULL), 0);
	expect_written(policy, "\"sni\": \"off\"", true);
	assert_int_equal(ks_policy_set_net(policy, KS_NET_DENY, NULL), 0);
	expect_written(policy, "egress", false);
	assert_int_equal(ks_policy_egress_sni(policy), KS_SNI_OFF);
	ks_policy_free(policy);
}

static void the_table_is_complete(void **state)
{
	static const char *const names[] = {"fs_read", "fs_write", "net", "cpu_ms", "mem_mb",
		"profile", "cpu_quota_pct", "tasks_max", "env", "egress"};

	(void)state;
	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct policy_field_info *info = policy_field_info(field);

		assert_string_equal(info->name, names[field]);
		assert_int_equal(policy_field_from_name(info->name, strlen(info->name)), field);
		assert_true(info->type && info->default_text && info->example && info->meaning);
		assert_int_equal(info->meaning[strlen(info->meaning) - 1], '.');
		assert_true(!info->unit || info->maximum > info->minimum);
	}
	assert_int_equal(policy_field_from_name("mem_m", 5), -1);
	assert_int_equal(policy_field_from_name("mem_mbx", 7), -1);
	assert_string_equal(policy_field_list().text,
		"fs_read, fs_write, net, cpu_ms, mem_mb, profile, cpu_quota_pct, tasks_max, env, "
		"egress");
}

static void the_table_of_settings_is_complete(void **state)
{
	static const char *const keys[] = {
		"sni", "connections", "names", "bytes", "connect_ms", "idle_ms"};

	(void)state;
	for (int setting = 0; setting < SETTING_COUNT; setting++) {
		const struct policy_field_info *info = policy_egress_info(setting);
		const char *key = policy_egress_key(setting);

		assert_string_equal(key, keys[setting]);
		assert_int_equal(policy_egress_from_key(key, strlen(key)), setting);
		assert_memory_equal(info->name, "egress.", 7);
		assert_string_equal(info->name + 7, key);
		assert_true(info->type && info->default_text && info->example && info->meaning);
		assert_int_equal(info->meaning[strlen(info->meaning) - 1], '.');
		assert_true(!info->unit || info->maximum > info->minimum);
	}
	assert_int_equal(policy_egress_from_key("byte", 4), -1);
	assert_int_equal(policy_egress_from_key("bytesx", 6), -1);
	assert_string_equal(
		policy_egress_list().text, "sni, connections, names, bytes, connect_ms, idle_ms");
	assert_string_equal(policy_sni_name(KS_SNI_OFF), "off");
	assert_null(policy_sni_name((enum ks_sni)2));
	assert_null(policy_sni_name((enum ks_sni) - 1));
}

static void shown_text_is_harmless(void **state)
{
	char longer[400];

	(void)state;
	assert_string_equal(quoted("a\"b\\", 4).text, "\"a\\\"b\\\\\"");
	assert_string_equal(quoted("\x1b[0m\n\x7f", 6).text, "\"\\u001b[0m\\u000a\\u007f\"");
	assert_string_equal(quoted("\xc2\x9b\xff\xc3", 4).text, "\"\\u009b\\xff\\xc3\"");
	assert_string_equal(quoted("ü🦀", 6).text, "\"ü🦀\"");
	assert_string_equal(as_written("\"a\\n\"", 5).text, "\"a\\n\"");
	assert_string_equal(quoted("", 0).text, "\"\"");
	/* A cut never splits a character. */
	for (size_t i = 0; i + 2 < sizeof(longer); i += 2)
		memcpy(longer + i, "ü", 2);
	for (size_t i = 0; i < 2; i++) {
		struct phrase shown = quoted(longer + i, 396);

		assert_int_equal(utf8_prefix(shown.text, strlen(shown.text)), strlen(shown.text));
		assert_true(strlen(shown.text) < 120);
		assert_non_null(strstr(shown.text, "…\""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_conservative),
		cmocka_unit_test(grants_are_normalised_and_kept_in_order),
		cmocka_unit_test(setters_refuse_what_the_parser_refuses),
		cmocka_unit_test(an_error_replaces_the_one_before),
		cmocka_unit_test(network_kinds_follow_the_endpoints),
		cmocka_unit_test(variables_are_replaced_by_name),
		cmocka_unit_test(loading_tells_why_it_failed),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(settings_of_the_proxy_have_bounds),
		cmocka_unit_test(settings_without_a_list_are_kept_and_not_written),
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(the_table_of_settings_is_complete),
		cmocka_unit_test(shown_text_is_harmless),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
