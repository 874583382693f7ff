/* SPDX-License-Identifier: Apache-2.0 */
/* What control groups say and where they are, from texts. */
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

#define HYBRID                                                                              \
	"22 1 254:0 / / rw - ext4 /dev/root rw\n"                                           \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup "       \
	"rw,cpu,cpuacct\n"                                                                  \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:4 master:2 - cgroup cgroup " \
	"rw,memory\n"                                                                       \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID_OWN                   \
	"9:name=systemd:/a:b\n"      \
	"4:memory:/user.slice/one\n" \
	"1:cpu,cpuacct:/\n"          \
	"0::/user.slice/session-1.scope\n"

static void test_numbers(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cgroup_parse_number("123\n", &value), 0);
	assert_int_equal(value, 123);
	assert_int_equal(cgroup_parse_number("50000 100000\n", &value), 0);
	assert_int_equal(value, 50000);
	assert_int_equal(cgroup_parse_number("max\n", &value), 0);
	assert_true(value == CGROUP_NO_LIMIT);
	assert_int_equal(cgroup_parse_number("max 100000\n", &value), 0);
	assert_true(value == CGROUP_NO_LIMIT);
	assert_int_equal(cgroup_parse_number("-1\n", &value), 0);
	assert_true(value == CGROUP_NO_LIMIT);
	value = 7;
	assert_int_equal(cgroup_parse_number("", &value), -EBADMSG);
	assert_int_equal(cgroup_parse_number("\n", &value), -EBADMSG);
	assert_int_equal(cgroup_parse_number("-12\n", &value), -EBADMSG);
	assert_int_equal(cgroup_parse_number("maximum\n", &value), -EBADMSG);
	assert_int_equal(cgroup_parse_number("12k\n", &value), -EBADMSG);
	assert_int_equal(cgroup_parse_number("99999999999999999999\n", &value), -EBADMSG);
	assert_int_equal(value, 7);
}

static void test_keys(void **state)
{
	static const char events[] = "low 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cgroup_parse_key(events, "oom_kill", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(cgroup_parse_key(events, "max", &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(cgroup_parse_key("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
				 "oom_kill", &value),
		0);
	assert_int_equal(value, 5);
	value = 7;
	assert_int_equal(cgroup_parse_key(events, "kill", &value), -ENODATA);
	assert_int_equal(cgroup_parse_key("", "max", &value), -ENODATA);
	assert_int_equal(value, 7);
	assert_true(cgroup_has_word("cpuset cpu io memory\n", "cpu"));
	assert_true(cgroup_has_word("rw,cpu,cpuacct", "cpuacct"));
	assert_false(cgroup_has_word("cpuset io\n", "cpu"));
	assert_false(cgroup_has_word("", "cpu"));
}

static void test_members(void **state)
{
	pid_t pids[4];

	(void)state;
	assert_int_equal(cgroup_parse_members("12\n345\n", pids, 4), 2);
	assert_int_equal(pids[0], 12);
	assert_int_equal(pids[1], 345);
	/* The process of another namespace, and pid 1. */
	assert_int_equal(cgroup_parse_members("0\n1\n12\n", pids, 4), 1);
	assert_int_equal(pids[0], 12);
	/* 345 of what may have been 34567. */
	assert_int_equal(cgroup_parse_members("12\n345", pids, 4), 1);
	assert_int_equal(cgroup_parse_members("2\n3\n4\n5\n6\n", pids, 4), 4);
	assert_int_equal(cgroup_parse_members("", pids, 4), 0);
}

static void test_names(void **state)
{
	pid_t pid = 7;

	(void)state;
	assert_true(cgroup_parse_name("kastellan-123-0", &pid));
	assert_int_equal(pid, 123);
	assert_true(cgroup_parse_name("kastellan-4194303-4294967295", &pid));
	pid = 7;
	assert_false(cgroup_parse_name("kastellan-123-0.scope", &pid));
	assert_false(cgroup_parse_name("kastellan-123", &pid));
	assert_false(cgroup_parse_name("kastellan-123-", &pid));
	assert_false(cgroup_parse_name("kastellan-123--1", &pid));
	assert_false(cgroup_parse_name("kastellan--123-0", &pid));
	assert_false(cgroup_parse_name("kastellan-0-0", &pid));
	assert_false(cgroup_parse_name("kastellan-99999999999-0", &pid));
	assert_false(cgroup_parse_name("other-123-0", &pid));
	assert_false(cgroup_parse_name("kastellan-123-0-1", &pid));
	assert_int_equal(pid, 7);
}

static void assert_located(const char *mountinfo, const char *own_groups, const char *controller,
	const char *mount, const char *own)
{
	autofree char *got_mount = NULL;
	autofree char *got_own = NULL;

	assert_int_equal(cgroup_locate(mountinfo, own_groups, controller, &got_mount, &got_own), 0);
	assert_string_equal(got_mount, mount);
	assert_string_equal(got_own, own);
}

static void test_locate_hybrid(void **state)
{
	char *mount = NULL;
	char *own = NULL;

	(void)state;
	assert_located(HYBRID, HYBRID_OWN, "memory", "/sys/fs/cgroup/memory",
		"/sys/fs/cgroup/memory/user.slice/one");
	assert_located(HYBRID, HYBRID_OWN, "cpu", "/sys/fs/cgroup/cpu,cpuacct",
		"/sys/fs/cgroup/cpu,cpuacct");
	assert_located(HYBRID, HYBRID_OWN, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct",
		"/sys/fs/cgroup/cpu,cpuacct");
	assert_located(HYBRID, HYBRID_OWN, CGROUP_UNIFIED, "/sys/fs/cgroup/unified",
		"/sys/fs/cgroup/unified/user.slice/session-1.scope");
	/* Not mounted; not in the list of own groups. */
	assert_int_equal(cgroup_locate(HYBRID, "3:pids:/x\n", "pids", &mount, &own), -ENOENT);
	assert_int_equal(cgroup_locate(HYBRID, "3:pids:/x\n", "memory", &mount, &own), -ENOENT);
	assert_null(mount);
	assert_null(own);
}

static void test_locate_inside_containers(void **state)
{
	(void)state;
	/* Without a cgroup namespace: both show the host's path. */
	assert_located("9 1 0:3 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		"4:memory:/docker/abc/inner\n", "memory", "/sys/fs/cgroup/memory",
		"/sys/fs/cgroup/memory/inner");
	assert_located("9 1 0:3 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		"4:memory:/docker/abc\n", "memory", "/sys/fs/cgroup/memory",
		"/sys/fs/cgroup/memory");
	/* A neighbour's name that begins alike, and a group outside of the namespace. */
	assert_located("9 1 0:3 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		"4:memory:/docker/abcdef\n", "memory", "/sys/fs/cgroup/memory",
		"/sys/fs/cgroup/memory");
	assert_located("9 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../other\n",
		CGROUP_UNIFIED, "/sys/fs/cgroup", "/sys/fs/cgroup");
	/* Of two mounts the one that shows the own group; a blank in a name. */
	assert_located(
		"9 1 0:3 /x /mnt/x rw - cgroup2 c rw\n9 1 0:3 /y /mnt/a\\040b rw - cgroup2 c "
		"rw\n",
		"0::/y/z\n", CGROUP_UNIFIED, "/mnt/a b", "/mnt/a b/z");
}

static void test_locate_survives_anything(void **state)
{
	static const char whole[] = HYBRID;
	char part[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		autofree char *mount = NULL;
		autofree char *own = NULL;

		memcpy(part, whole, len);
		part[len] = '\0';
		cgroup_locate(part, HYBRID_OWN, "memory", &mount, &own);
	}
	for (size_t len = 0; len < sizeof(HYBRID_OWN); len++) {
		autofree char *mount = NULL;
		autofree char *own = NULL;

		memcpy(part, HYBRID_OWN, len);
		part[len] = '\0';
		cgroup_locate(HYBRID, part, "memory", &mount, &own);
	}
}

static void test_family(void **state)
{
	pid_t family[8];
	char *group = NULL;
	int ends[2];
	char byte;
	int n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0) {
			if (write(ends[1], "x", 1) != 1)
				_exit(1);
			pause();
		}
		pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	n = cgroup_family(child, family, 8);
	assert_int_equal(n, 2);
	assert_int_equal(family[0], child);
	assert_int_equal(cgroup_family(child, family, 1), -E2BIG);
	assert_int_not_equal(cgroup_of_process(family[1], &group), -ESRCH);
	free(group);
	/* Its parent does not wait for it. */
	kill(family[1], SIGKILL);
	for (int i = 0; i < 30000 && cgroup_of_process(family[1], &group) != -ESRCH; i++) {
		free(group);
		group = NULL;
		usleep(1000);
	}
	assert_int_equal(cgroup_of_process(family[1], &group), -ESRCH);
	assert_int_equal(cgroup_family(child, family, 8), 2);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_locate_hybrid),
		cmocka_unit_test(test_locate_inside_containers),
		cmocka_unit_test(test_locate_survives_anything),
		cmocka_unit_test(test_family),
	};

	return cmocka_run_group_tests_name("cgroup_text", tests, NULL, NULL);
}
