/* SPDX-License-Identifier: Apache-2.0 */
/* Version 2 in trees of plain files, which say what a kernel would not. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "linux/cgroup/cgroup.h"
#include "linux/cgroup/end.h"
#include "linux/cgroup/family.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/locate.h"
#include "linux/cgroup/probe.h"
#include "linux/cgroup/sweep.h"

/* A tree of plain files below a fresh directory. */
static char root[64];

static const char *in_root(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s%s%s", root, *name ? "/" : "", name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_root(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_file(const char *name, const char *text)
{
	char got[256] = "";
	FILE *file = fopen(in_root(name), "r");

	assert_non_null(file);
	got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(got, text);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/kastellan-cgroup-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execlp("rm", "rm", "-rf", root, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* A group of version 2 whose directory is the tree's root. */
static void fake_group(struct cgroup *group)
{
	*group = (struct cgroup){.ops = &cgroup_v2_ops,
		.controllers = CONTROLLER_ALL,
		.swap = true,
		.n_dirs = 1,
		.limits = {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT},
		.event_fd = -1};
	group->dirs[0] = (struct cgroup_dir){.path = root,
		.controllers = CONTROLLER_ALL,
		.exists = true,
		.fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.join = -1};
	assert_true(group->dirs[0].fd >= 0);
}

static void put_fresh_limits(void)
{
	put("memory.max", "");
	put("memory.swap.max", "");
	put("memory.oom.group", "");
	put("pids.max", "");
	put("cpu.max", "");
}

static void test_v2_writes(void **state)
{
	const struct cgroup_limits limits = {(64ull << 20) + 5, 12, 150};
	ks_error *error = NULL;
	struct cgroup group;

	(void)state;
	put_fresh_limits();
	fake_group(&group);
	assert_int_equal(cgroup_set_limits(&group, &limits, &error), -EBADMSG);
	/* A plain file does not round to pages: that is what a mismatch looks like. */
	assert_non_null(strstr(ks_error_message(error), "memory.max"));
	assert_string_equal(ks_error_field(error), "mem_mb");
	ks_error_free(error);
	error = NULL;
	put_fresh_limits();
	assert_int_equal(cgroup_set_limits(&group,
				 &(const struct cgroup_limits){64ull << 20, 12, 150}, &error),
		0);
	assert_file("memory.max", "67108864");
	assert_file("memory.swap.max", "0");
	assert_file("memory.oom.group", "1");
	assert_file("pids.max", "12");
	assert_file("cpu.max", "150000 100000");
	close(group.dirs[0].fd);
}

/* Each limit in turn is one that the "kernel" keeps its own idea of. */
static void test_v2_finds_a_limit_that_does_not_stick(void **state)
{
	static const struct {
		const char *file, *field;
	} limits[] = {{"memory.max", "mem_mb"}, {"memory.swap.max", "mem_mb"},
		{"pids.max", "tasks_max"}, {"cpu.max", "cpu_quota_pct"}};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		ks_error *error = NULL;
		struct cgroup group;

		put_fresh_limits();
		put(limits[i].file, "999999999999 100000\n");
		fake_group(&group);
		assert_true(
			cgroup_set_limits(&group,
				&(const struct cgroup_limits){64ull << 20, 12, 150}, &error) < 0);
		assert_non_null(error);
		assert_non_null(strstr(ks_error_message(error), limits[i].file));
		assert_string_equal(ks_error_field(error), limits[i].field);
		assert_string_equal(ks_error_path(error), root);
		ks_error_free(error);
		close(group.dirs[0].fd);
	}
}

static void test_v2_without_swap_accounting(void **state)
{
	const struct cgroup_limits limits = {64ull << 20, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT};
	ks_error *error = NULL;
	struct cgroup group;

	(void)state;
	put_fresh_limits();
	unlink(in_root("memory.swap.max"));
	fake_group(&group);
	if (access("/proc/swaps", F_OK) == 0) {
		assert_int_equal(cgroup_set_limits(&group, &limits, &error), -EOPNOTSUPP);
		assert_non_null(strstr(ks_error_remedy(error), "swapaccount=1"));
		ks_error_free(error);
		error = NULL;
	}
	/* A caller that knows of it gets what there is. */
	group.swap = false;
	put("memory.max", "");
	assert_int_equal(cgroup_set_limits(&group, &limits, &error), 0);
	close(group.dirs[0].fd);
}

static void test_v2_usage(void **state)
{
	struct cgroup_usage usage;
	struct cgroup group;

	(void)state;
	put("cpu.stat", "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n");
	put("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n");
	put("pids.current", "3\n");
	put("pids.events", "max 4\n");
	fake_group(&group);
	assert_int_equal(cgroup_usage(&group, &usage), 0);
	assert_int_equal(usage.cpu_usec, 1234);
	assert_int_equal(usage.memory_peak_bytes, 0);
	assert_int_equal(usage.tasks, 3);
	assert_int_equal(usage.tasks_peak, 0);
	assert_int_equal(usage.oom_kills, 1);
	assert_int_equal(usage.tasks_refused, 4);
	put("memory.peak", "16384\n");
	put("pids.peak", "5\n");
	assert_int_equal(cgroup_usage(&group, &usage), 0);
	assert_int_equal(usage.memory_peak_bytes, 16384);
	assert_int_equal(usage.tasks_peak, 5);
	/* Not a number: said, and nothing changed. */
	put("pids.current", "many\n");
	assert_int_equal(cgroup_usage(&group, &usage), -EBADMSG);
	assert_int_equal(usage.tasks, 3);
	close(group.dirs[0].fd);
}

static void test_v2_base_without_controllers(void **state)
{
	struct host_cgroup host = {.manager = CGROUP_V2,
		.v2_base = root,
		.memory = true,
		.swap = true,
		.tasks = true,
		.cpu_quota = true,
		.cpu_time = true};
	const struct cgroup_limits limits = {64ull << 20, 12, 150};
	autostrv struct strv directories = {0};
	struct cgroup *group = NULL;
	ks_error *error = NULL;

	(void)state;
	put("cgroup.controllers", "pids cpu\n");
	put("cgroup.subtree_control", "");
	assert_int_equal(cgroup_new(&host, &group, &error), 0);
	assert_int_equal(cgroup_directories(group, &directories), 0);
	assert_int_equal(directories.len, 1);
	assert_int_equal(cgroup_create(group, &limits, getpid(), &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "memory"));
	assert_non_null(strstr(ks_error_remedy(error), "unified"));
	/* Nothing stays behind. */
	assert_int_equal(access(directories.items[0], F_OK), -1);
	ks_error_free(error);
	cgroup_free(group);
}

static void assert_base(const char *own, bool systemd, const char *base)
{
	autofree char *got = NULL;
	autofree char *reason = NULL;

	assert_int_equal(cgroup_find_delegated(root, in_root(own), systemd, &got, &reason), 0);
	if (base) {
		assert_non_null(got);
		assert_string_equal(got, in_root(base));
		return;
	}
	assert_null(got);
	assert_non_null(strstr(reason, in_root(own)));
}

static void test_v2_search_for_a_base(void **state)
{
	(void)state;
	mkdir(in_root("a"), 0755);
	mkdir(in_root("a/b"), 0755);
	/* Like the real root: no cgroup.events, processes in it do not matter. */
	put("cgroup.controllers", "cpu memory pids\n");
	put("cgroup.subtree_control", "");
	put("cgroup.procs", "1\n");
	put("a/cgroup.controllers", "cpu memory pids\n");
	put("a/cgroup.subtree_control", "");
	put("a/cgroup.events", "populated 1\n");
	put("a/cgroup.procs", "");
	put("a/b/cgroup.controllers", "cpu memory pids\n");
	put("a/b/cgroup.subtree_control", "");
	put("a/b/cgroup.events", "populated 1\n");
	put("a/b/cgroup.procs", "77\n");
	/* The own group has a process (the caller), the one above it is free. */
	assert_base("a/b", false, "a");
	put("a/cgroup.procs", "78\n");
	assert_base("a/b", false, "");
	/* Processes do not matter where the controllers are passed on already. */
	put("a/cgroup.subtree_control", "memory pids\n");
	assert_base("a/b", false, "a");
	/* A top that is no root either, and nothing left. */
	put("a/cgroup.subtree_control", "");
	put("cgroup.events", "populated 1\n");
	assert_base("a/b", false, NULL);
	put("cgroup.procs", "");
	assert_base("a/b", false, "");
	put("cgroup.controllers", "cpuset io\n");
	assert_base("a/b", false, NULL);
}

static void put_group(const char *name, const char *members)
{
	char file[128];

	mkdir(in_root(name), 0755);
	snprintf(file, sizeof(file), "%s/cgroup.controllers", name);
	put(file, "cpu memory pids\n");
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", name);
	put(file, "");
	snprintf(file, sizeof(file), "%s/cgroup.events", name);
	put(file, "populated 1\n");
	snprintf(file, sizeof(file), "%s/cgroup.procs", name);
	put(file, members);
}

static void test_v2_search_beside_systemd(void **state)
{
	(void)state;
	put_group("", "");
	put_group("a.slice", "");
	put_group("a.slice/b.service", "");
	put_group("a.slice/b.service/sub", "");
	put_group("a.slice/b.service/sub/own", "12\n");
	/* The unit, not the group between; the slice above never, nor the top. */
	assert_base("a.slice/b.service/sub/own", true, "a.slice/b.service");
	put("a.slice/b.service/cgroup.procs", "13\n");
	assert_base("a.slice/b.service/sub/own", true, NULL);
	assert_base("a.slice/b.service", true, NULL);
	assert_base("a.slice/b.service", false, "a.slice");
	put_group("a.slice/sub", "14\n");
	assert_base("a.slice/sub", true, NULL);
	assert_base("a.slice/sub", false, "a.slice");
	put("cgroup.procs", "");
	assert_base("", true, NULL);
	assert_base("", false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v2_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_v2_finds_a_limit_that_does_not_stick, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v2_without_swap_accounting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v2_usage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_v2_base_without_controllers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v2_search_for_a_base, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v2_search_beside_systemd, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("cgroup_tree", tests, NULL, NULL);
}
