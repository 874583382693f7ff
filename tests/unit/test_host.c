/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "resolve/host.h"

#define TEXT_MAX 65536

/* The text of a golden file. */
static char *load(const char *name, size_t *ret_len)
{
	char path[4096];
	char *text = malloc(TEXT_MAX);
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/%s", getenv("KASTELLAN_SOURCE"), name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(text);
	*ret_len = fread(text, 1, TEXT_MAX, file);
	assert_in_range(*ret_len, 1, TEXT_MAX - 1);
	text[*ret_len] = '\0';
	fclose(file);
	return text;
}

static struct ks_host *read_text(const char *text)
{
	struct ks_host *host = NULL;
	ks_error *error = NULL;

	if (host_read_json(text, strlen(text), &host, &error) < 0)
		fail_msg("%s", ks_error_message(error));
	return host;
}

static void test_paths_are_sorted_and_found(void **state)
{
	static const char *const paths[] = {"/lib64", "/bin", "/etc/localtime", "/usr", "/etc"};
	struct ks_host *host = host_new();

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(host_add_path(host, paths[i], HOST_LINK, paths[i] + 1), 0);
	assert_int_equal(host->n_paths, 5);
	for (size_t i = 1; i < host->n_paths; i++)
		assert_true(strcmp(host->paths[i - 1].path, host->paths[i].path) < 0);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(host_path_find(host, paths[i])->target, paths[i] + 1);
	assert_null(host_path_find(host, "/"));
	assert_null(host_path_find(host, "/lib"));
	assert_null(host_path_find(host, "/zzz"));
	host_free(host);
}

static void test_a_path_is_replaced(void **state)
{
	struct ks_host *host = host_new();

	(void)state;
	assert_int_equal(host_add_path(host, "/bin", HOST_LINK, "usr/bin"), 0);
	assert_int_equal(host_add_path(host, "/bin", HOST_DIRECTORY, NULL), 0);
	assert_int_equal(host->n_paths, 1);
	assert_int_equal(host_path_find(host, "/bin")->kind, HOST_DIRECTORY);
	assert_null(host_path_find(host, "/bin")->target);
	host_free(host);
}

/* Everything that is written is read back, and the golden files are in the form that is written. */
static void test_golden_facts_survive_a_round_trip(void **state)
{
	static const char *const names[] = {"host-debian12-root.json", "host-debian12-user.json",
		"host-debian12-arm64.json", "host-no-userns.json", "host-ubuntu2404-apparmor.json",
		"host-no-landlock.json", "host-kernel510.json", "host-cgroup-none.json",
		"host-cgroup-v1.json", "host-no-bwrap.json", "host-setuid-bwrap.json",
		"host-nested-container.json", "host-abi10.json", "host-old-bwrap.json",
		"host-vm-emulated.json", "host-vm-kvm.json", "host-vm-no-cgroup.json",
		"host-macos12.json", "host-macos13-intel.json", "host-macos15.json",
		"host-macos15-sandboxed.json", "host-macos26-container.json",
		"host-macos26-old-container.json", "host-macos26-root.json"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len;
		autofree char *text = load(names[i], &len);
		autofree char *again = NULL;
		struct ks_host *host = read_text(text);

		assert_int_equal(host_write_json(host, &again), 0);
		text[len - 1] = '\0'; /* the newline at the end of the file */
		assert_string_equal(again, text);
		host_free(host);
	}
}

static void test_facts_arrive_in_their_places(void **state)
{
	size_t len;
	autofree char *text = load("host-cgroup-v1.json", &len);
	struct ks_host *host = read_text(text);

	(void)state;
	assert_true(host->tried);
	assert_true(host->privileged);
	assert_int_equal(host->landlock_abi, 7);
	assert_int_equal(host->processors, 4);
	assert_string_equal(host->distribution, "debian");
	assert_string_equal(host->bwrap.path, "/usr/bin/bwrap");
	assert_true(host->bwrap.bind_fd);
	assert_int_equal(host->cgroup.manager, CGROUP_V1);
	assert_string_equal(host->cgroup.v1_pids, "/sys/fs/cgroup/pids");
	assert_null(host->cgroup.v2_base);
	assert_string_equal(host_path_find(host, "/bin")->target, "usr/bin");
	assert_int_equal(host_path_find(host, "/proc/kcore")->kind, HOST_FILE);
	assert_true(host_path_find(host, "/proc/kcore")->closed);
	assert_int_equal(host_path_find(host, "/proc/kcore")->owner, 0);
	assert_false(host_path_find(host, "/proc/keys")->closed);
	host_free(host);
}

static void test_left_out_facts_are_zero(void **state)
{
	struct ks_host *host = read_text("{}");

	(void)state;
	assert_false(host->tried);
	assert_null(host->os);
	assert_int_equal(host->userns, USERNS_USABLE);
	assert_int_equal(host->n_paths, 0);
	host_free(host);
}

static void test_bad_facts_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *field;
	} bad[] = {
		{"[]", "host"},
		{"{\"seccom\": true}", "seccom"},
		{"{\"seccomp\": 1}", "seccomp"},
		{"{\"os\": 1}", "os"},
		{"{\"uid\": -1}", "uid"},
		{"{\"uid\": 4294967296}", "uid"},
		{"{\"uid\": 1.5}", "uid"},
		{"{\"landlock_abi\": \"2\"}", "landlock_abi"},
		{"{\"userns\": \"maybe\"}", "userns"},
		{"{\"userns\": null}", "userns"},
		{"{\"bwrap\": null}", "bwrap"},
		{"{\"bwrap\": {\"manager\": \"v1\"}}", "manager"},
		{"{\"cgroup\": {\"manager\": \"v3\"}}", "manager"},
		{"{\"macos\": []}", "macos"},
		{"{\"macos\": {\"version\": 15}}", "version"},
		{"{\"paths\": {}}", "paths"},
		{"{\"paths\": [\"/bin\"]}", "paths"},
		{"{\"paths\": [{\"path\": \"bin\", \"kind\": \"file\"}]}", "paths"},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\", \"owner\": -1}]}", "paths"},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\", \"owner\": \"0\"}]}",
			"paths"},
		{"{\"paths\": [{\"path\": \"/bin\", \"kind\": \"fifo\"}]}", "paths"},
		{"{\"paths\": [{\"path\": \"/bin\", \"kind\": \"link\"}]}", "paths"},
		{"{\"paths\": [{\"path\": \"/b\", \"kind\": \"file\", \"target\": \"x\"}]}",
			"paths"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ks_host *host = NULL;
		ks_error *error = NULL;

		assert_int_equal(
			host_read_json(bad[i].text, strlen(bad[i].text), &host, &error), -EINVAL);
		assert_null(host);
		assert_string_equal(ks_error_field(error), bad[i].field);
		assert_non_null(ks_error_remedy(error));
		ks_error_free(error);
	}
}

static void test_broken_json_has_a_position(void **state)
{
	static const char text[] = "{\"os\": \"linux\",\n \"os\": \"linux\"}";
	struct ks_host *host = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(host_read_json(text, strlen(text), &host, &error), -EINVAL);
	assert_int_equal(ks_error_line(error), 2);
	ks_error_free(error);
}

static void test_names_go_both_ways(void **state)
{
	(void)state;
	for (int i = USERNS_USABLE; i <= USERNS_OTHER; i++)
		assert_int_equal(host_userns_cause_from_name(
					 host_userns_cause_name((enum host_userns_cause)i)),
			i);
	for (int i = CGROUP_NONE; i <= CGROUP_SCOPE; i++)
		assert_int_equal(host_cgroup_manager_from_name(
					 host_cgroup_manager_name((enum host_cgroup_manager)i)),
			i);
	assert_string_equal(host_userns_cause_name((enum host_userns_cause)99), "unknown");
	assert_int_equal(host_userns_cause_from_name("unknown"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_are_sorted_and_found),
		cmocka_unit_test(test_a_path_is_replaced),
		cmocka_unit_test(test_golden_facts_survive_a_round_trip),
		cmocka_unit_test(test_facts_arrive_in_their_places),
		cmocka_unit_test(test_left_out_facts_are_zero),
		cmocka_unit_test(test_bad_facts_are_refused),
		cmocka_unit_test(test_broken_json_has_a_position),
		cmocka_unit_test(test_names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
