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

/* The place of what is wrong, what was expected there, and what it is. */
static void refused(const char *text, bool described, const char *field, const char *words)
{
	struct ks_host *host = NULL;
	ks_error *error = NULL;
	int r = described ? host_read_described(text, strlen(text), &host, &error)
			  : host_read_json(text, strlen(text), &host, &error);

	if (r != -EINVAL || host)
		fail_msg("%s: %d", text, r);
	if (!ks_error_field(error) || strcmp(ks_error_field(error), field) != 0)
		fail_msg("%s: the field is %s", text, ks_error_field(error));
	if (!strstr(ks_error_message(error), field) || !strstr(ks_error_message(error), words))
		fail_msg("%s: %s", text, ks_error_message(error));
	assert_non_null(strstr(ks_error_remedy(error), "doctor --json"));
	assert_string_equal(ks_error_step(error), "host");
	ks_error_free(error);
}

static void test_bad_facts_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *field;
		const char *words;
	} bad[] = {
		{"[]", "host", "an object is expected, and this is a list"},
		{"{\"seccom\": true}", "seccom", "\"seccomp\" is one"},
		{"{\"fs_read\": []}", "fs_read", "there are tried, os, "},
		{"{\"fs_read\": []}", "fs_read", "macos, paths"},
		{"{\"seccomp\": 1}", "seccomp", "true or false is expected, and this is 1"},
		{"{\"os\": 1}", "os", "a text or null is expected, and this is 1"},
		{"{\"uid\": -1}", "uid", "from 0 to 4294967295 is expected, and this is -1"},
		{"{\"uid\": 4294967296}", "uid", "this is 4294967296"},
		{"{\"uid\": 1.5}", "uid", "this is 1.5"},
		{"{\"uid\": null}", "uid", "this is null"},
		{"{\"landlock_abi\": \"2\"}", "landlock_abi", "this is \"2\""},
		{"{\"userns\": \"maybe\"}", "userns", "one of usable, clone-sysctl,"},
		{"{\"userns\": null}", "userns", "compiled-out and other is expected"},
		{"{\"bwrap\": null}", "bwrap", "an object is expected, and this is null"},
		{"{\"bwrap\": {\"manager\": \"v1\"}}", "bwrap.manager", "there are path, version,"},
		{"{\"cgroup\": {\"manager\": \"v3\"}}", "cgroup.manager",
			"one of none, v1, v2 and scope is expected, and this is \"v3\""},
		{"{\"macos\": []}", "macos", "an object is expected, and this is a list"},
		{"{\"macos\": {\"version\": 15}}", "macos.version",
			"a version such as \"0.12.0\", or null is expected, and this is 15"},
		{"{\"macos\": {\"container_version\": \"banana\"}}", "macos.container_version",
			"this is \"banana\""},
		{"{\"macos\": {\"container_version\": \"\"}}", "macos.container_version", "\"\""},
		{"{\"macos\": {\"container_version\": \"v1.0\"}}", "macos.container_version", "v1"},
		{"{\"macos\": {\"container_version\": \"1.\"}}", "macos.container_version", "1."},
		{"{\"macos\": {\"container_version\": \"1.2\\u001b[2J\"}}",
			"macos.container_version", "\\u001B[2J"},
		{"{\"macos\": {\"sandbox_exe\": true}}", "macos.sandbox_exe",
			"\"sandbox_exec\" is one"},
		{"{\"os\": \"linux\", \"macos\": {}}", "macos",
			"\"os\" is \"macos\", and here that is \"linux\""},
		{"{\"vm\": {}, \"os\": \"macos\"}", "vm", "\"os\" is \"linux\""},
		{"{\"paths\": {}}", "paths", "a list is expected, and this is an object"},
		{"{\"paths\": [\"/bin\"]}", "paths[0]", "an object with \"path\""},
		{"{\"paths\": [{}]}", "paths[0].path", "nothing is there"},
		{"{\"paths\": [{\"path\": \"/a\"}]}", "paths[0].kind", "nothing is there"},
		{"{\"paths\": [{\"path\": \"bin\", \"kind\": \"file\"}]}", "paths[0].path",
			"an absolute path"},
		{"{\"paths\": [{\"path\": \"/a/\", \"kind\": \"file\"}]}", "paths[0].path",
			"this is \"/a/\""},
		{"{\"paths\": [{\"path\": \"/a/../b\", \"kind\": \"file\"}]}", "paths[0].path",
			"without"},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\"}, "
		 "{\"path\": \"/a\", \"kind\": \"file\"}]}",
			"paths[1].path", "\"/a\" is listed twice"},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\", \"owner\": -1}]}",
			"paths[0].owner", "the number of a user is expected, and this is -1"},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\", \"owner\": \"0\"}]}",
			"paths[0].owner", "this is \"0\""},
		{"{\"paths\": [{\"path\": \"/a\", \"kind\": \"file\", \"mode\": 1}]}",
			"paths[0].mode", "there are path, kind, target, owner"},
		{"{\"paths\": [{\"path\": \"/bin\", \"kind\": \"fifo\"}]}", "paths[0].kind",
			"file, directory or link is expected, and this is \"fifo\""},
		{"{\"paths\": [{\"path\": \"/bin\", \"kind\": \"link\"}]}", "paths[0].target",
			"a link has the text"},
		{"{\"paths\": [{\"path\": \"/b\", \"kind\": \"file\", \"target\": \"x\"}]}",
			"paths[0].target", "only a link has one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i].text, false, bad[i].field, bad[i].words);
}

/* Nobody is taken for root, and no Mac for one without sandbox-exec, because nothing is said. */
static void test_a_described_host_is_described(void **state)
{
	static const char *const good[] = {
		"{\"os\":\"linux\",\"uid\":0,\"gid\":0}",
		"{\"host\":{\"os\":\"macos\",\"uid\":501,\"gid\":20,\"macos\":{}}}",
	};
	static const struct {
		const char *text;
		const char *field;
		const char *words;
	} bad[] = {
		{"{}", "os", "\"macos\" or \"linux\", is expected, and nothing is there"},
		{"{\"host\":{\"os\":null}}", "host.os", "this is null"},
		{"{\"host\":5}", "host", "an object is expected, and this is 5"},
		{"{\"host\":{\"macos\":{\"x\":1}}}", "host.macos.x", "no fact of this name"},
		{"{\"os\":\"macos\",\"macos\":{}}", "uid", "the number of the user"},
		{"{\"os\":\"macos\",\"uid\":501,\"macos\":{}}", "gid", "the number of that user's"},
		{"{\"os\":\"macos\",\"uid\":501,\"gid\":20}", "macos", "the facts of a Mac"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i].text, true, bad[i].field, bad[i].words);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ks_host *host = NULL;

		assert_int_equal(host_read_described(good[i], strlen(good[i]), &host, NULL), 0);
		host_free(host);
	}
}

static void test_versions_of_programs(void **state)
{
	static const char *const good[] = {
		"0.12.0", "1.0", "0.9.9", "0.12.0-beta", "26", "1.2.3.4", "0.12.1-beta.1+build"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[128];
		struct ks_host *host;

		snprintf(text, sizeof(text), "{\"macos\":{\"container_version\":\"%s\"}}", good[i]);
		host = read_text(text);
		assert_string_equal(host->macos.container_version, good[i]);
		host_free(host);
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
		cmocka_unit_test(test_a_described_host_is_described),
		cmocka_unit_test(test_versions_of_programs),
		cmocka_unit_test(test_broken_json_has_a_position),
		cmocka_unit_test(test_names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
