/* SPDX-License-Identifier: Apache-2.0 */
/* What of the host a jail shows, and where: order, nesting, links, refusals. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linux/control.h"
#include "linux/plan/parts.h"
#include "plan/landlock.h"
#include "plan/mounts.h"
#include "plan/paths.h"
#include "plan_fixture.h"

#define READ FIELD_FS_READ
#define WRITE FIELD_FS_WRITE

static struct ks_host *host;

static int load_host(void **state)
{
	(void)state;
	host = fixture_host("debian12-root");
	return 0;
}

static int free_host(void **state)
{
	(void)state;
	host_free(host);
	return 0;
}

static void test_order_of_paths(void **state)
{
	(void)state;
	assert_true(path_compare("/", "/a") < 0);
	assert_true(path_compare("/a", "/a/b") < 0);
	assert_true(path_compare("/a/b", "/a-b") < 0);
	assert_true(path_compare("/a-b", "/a/b") > 0);
	assert_int_equal(path_compare("/a/b", "/a/b"), 0);
	assert_true(path_beneath("/", "/a"));
	assert_false(path_beneath("/", "/"));
	assert_true(path_beneath("/a", "/a/b/c"));
	assert_false(path_beneath("/a", "/ab"));
	assert_false(path_beneath("/a", "/a"));
	assert_true(path_covers("/a", "/a"));
}

static void expect_seen(
	const struct ks_plan *plan, const char *path, enum mount_kind kind, bool writable)
{
	const struct mount *seen = fixture_seen(&plan->mounts, path);

	if (!seen)
		fail_msg("nothing is mounted at %s", path);
	if (seen->kind != kind || seen->writable != writable)
		fail_msg("%s shows %s %s", path, mount_kind_name(seen->kind),
			seen->writable ? "rw" : "ro");
}

static void test_default_shows_no_host_directory_but_usr(void **state)
{
	struct ks_plan *plan = fixture_plan(host, "{}", NULL);

	(void)state;
	for (size_t i = 0; i < plan->mounts.len; i++) {
		const struct mount *mount = &plan->mounts.items[i];

		if (mount->kind != MOUNT_BIND_HOST)
			continue;
		assert_true(path_covers("/usr", mount->path) || path_beneath("/etc", mount->path) ||
			    strcmp(mount->path, "/proc/sys") == 0);
		assert_false(mount->writable);
	}
	expect_seen(plan, "/usr/bin/env", MOUNT_BIND_HOST, false);
	expect_seen(plan, "/tmp/x", MOUNT_TMPFS, true);
	expect_seen(plan, "/dev/shm/x", MOUNT_TMPFS, true);
	expect_seen(plan, "/etc/passwd", MOUNT_DATA, false);
	expect_seen(plan, "/proc/cmdline", MOUNT_MASK_FILE, false);
	expect_seen(plan, "/proc/self", MOUNT_PROC, false);
	expect_seen(plan, "/proc/sys/kernel", MOUNT_BIND_HOST, false);
	assert_null(fixture_seen(&plan->mounts, "/root"));
	assert_null(fixture_seen(&plan->mounts, "/home"));
	assert_null(fixture_seen(&plan->mounts, "/sys"));
	assert_null(fixture_seen(&plan->mounts, "/run"));
	plan_free(plan);
}

/* A plan for the same host with another caller. */
static struct ks_plan *plan_for(bool privileged, uint32_t uid, uint32_t owner)
{
	struct ks_host *other = fixture_host("debian12-root");
	struct ks_plan *plan;

	other->privileged = privileged;
	other->uid = uid;
	host_close_path(other, "/proc/kmsg", owner);
	plan = fixture_plan(other, "{}", NULL);
	host_free(other);
	return plan;
}

static void test_files_of_root_are_covered_up_only_where_the_worker_is_root(void **state)
{
	static const struct {
		bool privileged;
		uint32_t uid, owner;
		enum mount_kind kind;
	} cases[] = {
		{true, 0, 0, MOUNT_CLOSED},
		{true, 0, 65534, MOUNT_CLOSED},
		{false, 1000, 0, MOUNT_CLOSED},
		{false, 1000, 65534, MOUNT_CLOSED},
		{false, 0, 65534, MOUNT_CLOSED},
		/* The caller is the owner, under whatever number, or may be. */
		{false, 0, 0, MOUNT_MASK_FILE},
		{false, 1000, 1000, MOUNT_MASK_FILE},
		{false, 65534, 65534, MOUNT_MASK_FILE},
		/* The owner is one that a worker may become. */
		{true, 0, 2069037056u, MOUNT_MASK_FILE},
		{true, 0, 2069037056u + 65535, MOUNT_MASK_FILE},
		{true, 0, 2069037056u + 65536, MOUNT_CLOSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ks_plan *plan = plan_for(cases[i].privileged, cases[i].uid, cases[i].owner);

		expect_seen(plan, "/proc/kmsg", cases[i].kind, false);
		/* Whose mode lets others in. */
		expect_seen(plan, "/proc/cmdline", MOUNT_MASK_FILE, false);
		plan_free(plan);
	}
}

static void test_nested_grants(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	/* As a policy lists them: all reads, then all writes. */
	fixture_grant(&grants, READ, "/srv/ro", NULL, true);
	fixture_grant(&grants, READ, "/srv/rw/keep", NULL, true);
	fixture_grant(&grants, READ, "/srv/rw/keep.txt", NULL, false);
	fixture_grant(&grants, WRITE, "/srv/ro/out", NULL, true);
	fixture_grant(&grants, WRITE, "/srv/rw", NULL, true);
	fixture_grant(&grants, WRITE, "/srv/ro/log", NULL, false);
	plan = fixture_plan(host, "{}", &grants);
	expect_seen(plan, "/srv/ro/x", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/srv/ro/out/x", MOUNT_BIND_GRANT, true);
	expect_seen(plan, "/srv/ro/log", MOUNT_BIND_GRANT, true);
	expect_seen(plan, "/srv/rw/x", MOUNT_BIND_GRANT, true);
	expect_seen(plan, "/srv/rw/keep/x", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/srv/rw/keep.txt", MOUNT_BIND_GRANT, false);
	assert_null(fixture_seen(&plan->mounts, "/srv/other"));
	plan_free(plan);
}

static void test_same_path_twice_is_one_writable_mount(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;
	size_t count = 0;

	(void)state;
	fixture_grant(&grants, READ, "/srv/d", NULL, true);
	fixture_grant(&grants, READ, "/link", "/srv/d", true);
	fixture_grant(&grants, WRITE, "/srv/d", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	for (size_t i = 0; i < plan->mounts.len; i++)
		count += strcmp(plan->mounts.items[i].path, "/srv/d") == 0;
	assert_int_equal(count, 1);
	expect_seen(plan, "/srv/d", MOUNT_BIND_GRANT, true);
	expect_seen(plan, "/link", MOUNT_LINK, false);
	/* The mount is made from the descriptor of the grant that may write. */
	assert_int_equal(mount_list_find(&plan->mounts, "/srv/d")->grant, 2);
	plan_free(plan);
}

static void expect_link(const struct ks_plan *plan, const char *path, const char *target)
{
	const struct mount *mount = mount_list_find(&plan->mounts, path);

	if (!target) {
		if (mount)
			fail_msg("%s is made, and exists already", path);
		return;
	}
	assert_non_null(mount);
	assert_int_equal(mount->kind, MOUNT_LINK);
	assert_string_equal(mount->source, target);
}

static void test_links_are_made_where_the_name_is_missing(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	fixture_grant(&grants, READ, "/data/now/in", "/srv/v2/in", true);
	fixture_grant(&grants, READ, "/data/now", "/srv/v2", true);
	fixture_grant(&grants, READ, "/srv/all", NULL, true);
	fixture_grant(&grants, READ, "/srv/all/current", "/opt/x", true);
	fixture_grant(&grants, READ, "/usr/bin/tool", "/opt/tool/bin/tool", false);
	fixture_grant(&grants, READ, "/lib/firmware", "/usr/lib/firmware", true);
	fixture_grant(&grants, READ, "/tmp/l", "/srv/tmp", true);
	fixture_grant(&grants, READ, "/etc/app.conf", "/opt/app.conf", false);
	plan = fixture_plan(host, "{}", &grants);
	expect_link(plan, "/data/now", "/srv/v2");
	expect_link(plan, "/data/now/in", NULL); /* beneath that link */
	expect_link(plan, "/srv/all/current", NULL); /* the grant has the link itself */
	expect_link(plan, "/usr/bin/tool", NULL); /* so has the host's /usr */
	expect_link(plan, "/lib/firmware", NULL); /* beneath the root's own link */
	expect_link(plan, "/tmp/l", "/srv/tmp"); /* the jail's /tmp is a new one */
	expect_link(plan, "/etc/app.conf", "/opt/app.conf");
	expect_seen(plan, "/srv/v2/in", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/opt/tool/bin/tool", MOUNT_BIND_GRANT, false);
	plan_free(plan);
}

static void test_a_grant_replaces_what_it_covers(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	fixture_grant(&grants, READ, "/etc", NULL, true);
	fixture_grant(&grants, WRITE, "/tmp", NULL, true);
	fixture_grant(&grants, READ, "/usr", NULL, true);
	fixture_grant(&grants, WRITE, "/usr/local/cache", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	for (size_t i = 0; i < plan->mounts.len; i++)
		assert_false(path_beneath("/etc", plan->mounts.items[i].path));
	assert_int_equal(plan->data.len, 0);
	expect_seen(plan, "/etc/passwd", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/tmp/x", MOUNT_BIND_GRANT, true);
	expect_seen(plan, "/usr/bin", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/usr/local/cache", MOUNT_BIND_GRANT, true);
	plan_free(plan);
}

static void test_a_single_file_of_etc_replaces_the_generated_one(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;

	(void)state;
	fixture_grant(&grants, READ, "/etc/hosts", NULL, false);
	plan = fixture_plan(host, "{}", &grants);
	expect_seen(plan, "/etc/hosts", MOUNT_BIND_GRANT, false);
	expect_seen(plan, "/etc/passwd", MOUNT_DATA, false);
	plan_free(plan);
}

static void expect_refusal(struct grants *grants, int code, const char *path, const char *words)
{
	struct plan_request request = {.policy = fixture_policy("{}"), .host = host};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;
	size_t len = grants->len;

	assert_int_equal(plan_bwrap(&request, grants, &plan, &error), code);
	assert_null(plan);
	assert_int_equal(grants->len, len); /* still the caller's */
	assert_non_null(error);
	assert_string_equal(ks_error_path(error), path);
	assert_non_null(ks_error_field(error));
	assert_non_null(ks_error_remedy(error));
	if (!strstr(ks_error_message(error), words))
		fail_msg("%s", ks_error_message(error));
	ks_error_free(error);
	grants_done(grants);
	ks_policy_free((ks_policy *)request.policy);
}

static void refuse_one(const char *asked, const char *path, const char *words)
{
	struct grants grants = {0};

	fixture_grant(&grants, READ, "/srv/fine", NULL, true);
	fixture_grant(&grants, WRITE, asked, path, true);
	expect_refusal(&grants, -EINVAL, asked, words);
}

static void test_refused_grants(void **state)
{
	(void)state;
	refuse_one("/", NULL, "the whole root");
	refuse_one("/srv/root", "/", "the whole root");
	refuse_one("/proc", NULL, "the jail makes itself");
	refuse_one("/proc/self/cwd", "/srv/x", "the jail makes itself");
	refuse_one("/srv/p", "/proc/sys", "the jail makes itself");
	refuse_one("/sys/fs/cgroup", NULL, "the jail makes itself");
	refuse_one("/dev/shm", NULL, "the jail makes itself");
}

static void test_names_that_changed_meanwhile(void **state)
{
	struct grants grants = {0};

	(void)state;
	/* /a was a link when the first was opened, and a directory for the second. */
	fixture_grant(&grants, READ, "/a", "/srv/x", true);
	fixture_grant(&grants, READ, "/a/b", NULL, true);
	expect_refusal(&grants, -ESTALE, "/a/b", "different objects");

	fixture_grant(&grants, READ, "/a", "/srv/x", true);
	fixture_grant(&grants, READ, "/a", "/srv/y", true);
	expect_refusal(&grants, -ESTALE, "/a", "different objects");

	fixture_grant(&grants, READ, "/a", "/srv/x", true);
	fixture_grant(&grants, READ, "/a", NULL, true);
	expect_refusal(&grants, -ESTALE, "/a", "different objects");

	/* /lib is a link of the host's, and nothing lies beneath it under that name. */
	fixture_grant(&grants, READ, "/lib/x", NULL, true);
	expect_refusal(&grants, -ESTALE, "/lib/x", "was no directory");
}

static void test_every_mount_has_its_rule(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;
	const struct landlock_plan *landlock;
	uint64_t file = 0, directory = 0, read_only = 0;

	(void)state;
	fixture_grant(&grants, READ, "/srv/ro", NULL, true);
	fixture_grant(&grants, WRITE, "/srv/rw", NULL, true);
	fixture_grant(&grants, WRITE, "/srv/file", NULL, false);
	plan = fixture_plan(host, "{}", &grants);
	landlock = &plan->landlock;
	for (size_t i = 0; i < landlock->n_rules; i++) {
		const struct landlock_rule *rule = &landlock->rules[i];

		/* The kernel refuses a rule with a right that is not handled. */
		assert_int_equal(rule->access & ~landlock->handled_fs, 0);
		assert_true(rule->access != 0);
		if (strcmp(rule->path, "/srv/ro") == 0)
			read_only = rule->access;
		if (strcmp(rule->path, "/srv/rw") == 0)
			directory = rule->access;
		if (strcmp(rule->path, "/srv/file") == 0)
			file = rule->access;
	}
	assert_false(read_only & LANDLOCK_BIT(FS_WRITE_FILE));
	assert_true(read_only & LANDLOCK_BIT(FS_READ_FILE));
	assert_true(directory & LANDLOCK_BIT(FS_MAKE_REG));
	assert_false(directory & (LANDLOCK_BIT(FS_MAKE_CHAR) | LANDLOCK_BIT(FS_MAKE_BLOCK)));
	assert_true(file & LANDLOCK_BIT(FS_WRITE_FILE));
	assert_false(file & (LANDLOCK_BIT(FS_READ_DIR) | LANDLOCK_BIT(FS_MAKE_REG)));
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_paths),
		cmocka_unit_test(test_default_shows_no_host_directory_but_usr),
		cmocka_unit_test(test_files_of_root_are_covered_up_only_where_the_worker_is_root),
		cmocka_unit_test(test_nested_grants),
		cmocka_unit_test(test_same_path_twice_is_one_writable_mount),
		cmocka_unit_test(test_links_are_made_where_the_name_is_missing),
		cmocka_unit_test(test_a_grant_replaces_what_it_covers),
		cmocka_unit_test(test_a_single_file_of_etc_replaces_the_generated_one),
		cmocka_unit_test(test_refused_grants),
		cmocka_unit_test(test_names_that_changed_meanwhile),
		cmocka_unit_test(test_every_mount_has_its_rule),
	};

	return cmocka_run_group_tests_name("plan_mounts", tests, load_host, free_host);
}
