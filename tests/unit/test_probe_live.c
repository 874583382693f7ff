/* SPDX-License-Identifier: Apache-2.0 */
/* The probe on this host, and in places made here where something is refused: each in a child with
 * namespaces of its own. Where the host lets nobody make namespaces, the tests that need them say
 * so and are skipped; that the plain probe then finds the cause is what remains to be seen. */
#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/probe/probe.h"
#include "resolve/probe.h"
#include "resolve/why_not.h"
#include "probe_place.h"

/* The tried facts must name the cause, and doctor's words must go with it. */
static int check(enum host_userns_cause cause, const char *step, const char *remedy)
{
	struct ks_host *host = NULL;
	struct why_not why;
	int status = CHILD_GOOD;

	if (host_probe(true, &host, NULL) < 0)
		return CHILD_BAD;
	if (host->userns != cause || !host->userns_step || strcmp(host->userns_step, step) != 0) {
		print_message("%s at step %s, errno %d\n", host_userns_cause_name(host->userns),
			host->userns_step ? host->userns_step : "none", host->userns_errno);
		status = CHILD_BAD;
	}
	if (why_not_bwrap(host, &why) < 0 || why.state != KS_FINDING_FAILS || !why.remedy ||
		!strstr(why.remedy, remedy)) {
		print_message("state %d, layer %s, reason %s, remedy %s\n", why.state,
			why.layer ? why.layer : "-", why.reason ? why.reason : "-",
			why.remedy ? why.remedy : "-");
		status = CHILD_BAD;
	}
	why_not_done(&why);
	host_free(host);
	return status;
}

static void test_this_host(void **state)
{
	struct ks_host *host = NULL;
	struct ks_host *quick = NULL;
	struct why_not why;

	(void)state;
	assert_int_equal(host_probe(true, &host, NULL), 0);
	assert_int_equal(host_probe(false, &quick, NULL), 0);
	assert_int_equal(quick->look(quick, HOST_PARTS), 0);
	assert_true(host->tried);
	assert_false(quick->tried);
	assert_string_equal(host->os, "linux");
	assert_int_equal(host->uid, geteuid());
	assert_true(host->processors >= 1);
	/* Reading the options in the program file finds what asking for them does. */
	if (host->bwrap.path) {
		assert_string_equal(quick->bwrap.path, host->bwrap.path);
		assert_int_equal(quick->bwrap.bind_fd, host->bwrap.bind_fd);
		assert_int_equal(quick->bwrap.size, host->bwrap.size);
	}
	assert_int_equal(quick->privileged, host->privileged);
	assert_int_equal(quick->landlock_abi, host->landlock_abi);
	assert_int_equal(quick->n_paths, host->n_paths);
	assert_int_equal(why_not_bwrap(host, &why), 0);
	if (why.state == KS_FINDING_FAILS) {
		assert_non_null(why.reason);
		assert_non_null(why.remedy);
	}
	why_not_done(&why);
	host_free(host);
	host_free(quick);
}

static int no_user_namespaces(void)
{
	if (become_root_of_own(0) < 0 || write_text("/proc/sys/user/max_user_namespaces", "0") < 0)
		return CHILD_SKIP;
	return check(USERNS_MAX_ZERO, "unshare", "sysctl -w user.max_user_namespaces");
}

static int no_net_namespaces(void)
{
	if (become_root_of_own(0) < 0 || write_text("/proc/sys/user/max_net_namespaces", "0") < 0)
		return CHILD_SKIP;
	return check(USERNS_MAX_ZERO, "net", "sysctl -w user.max_net_namespaces");
}

static int covered_proc(void)
{
	pid_t pid;
	int status = 0;

	if (become_root_of_own(CLONE_NEWPID) < 0)
		return CHILD_SKIP;
	pid = fork();
	if (pid == 0) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			mount("proc", "/proc", "proc", 0, NULL) < 0 ||
			mount("/dev/null", "/proc/uptime", NULL, MS_BIND, NULL) < 0)
			_exit(CHILD_SKIP);
		_exit(check(USERNS_PROC_MASKED, "proc", "systempaths=unconfined"));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
								    : CHILD_BAD;
}

static int filtered_unshare(void)
{
	/* bwrap uses clone for it: only the probe itself is told, by the same rule. */
	if (refuse_call(SYS_unshare, SECCOMP_RET_ERRNO | EPERM) < 0)
		return CHILD_SKIP;
	struct ks_host *host = NULL;
	int status = CHILD_GOOD;

	if (host_probe(true, &host, NULL) < 0)
		return CHILD_BAD;
	if (host->userns != USERNS_SECCOMP || host->userns_errno != EPERM)
		status = CHILD_BAD;
	host_free(host);
	return status;
}

static int filtered_mount(void)
{
	if (refuse_call(SYS_mount, SECCOMP_RET_ERRNO | EPERM) < 0)
		return CHILD_SKIP;
	return check(USERNS_SECCOMP, "mount", "seccomp=unconfined");
}

static int bind(const char *from, const char *root)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", root, from);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -1;
	return mount(from, path, NULL, MS_BIND | MS_REC, NULL);
}

/* Whoever has no privileges may chroot in a namespace of their own, and it is the same there. */
static int in_a_chroot(void)
{
	char root[] = "/tmp/kastellan-chroot-XXXXXX";

	if (unshare(CLONE_NEWNS) < 0 && become_root_of_own(0) < 0)
		return CHILD_SKIP;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") < 0 || !mkdtemp(root) ||
		chmod(root, 0755) < 0 || bind("/usr", root) < 0 || bind("/proc", root) < 0 ||
		bind("/dev", root) < 0 || bind("/etc", root) < 0 || bind("/sys", root) < 0 ||
		chdir(root) < 0)
		return CHILD_SKIP;
	if (symlink("usr/lib", "lib") < 0 || symlink("usr/lib64", "lib64") < 0 ||
		symlink("usr/bin", "bin") < 0 || chroot(".") < 0)
		return CHILD_SKIP;
	return check(USERNS_CHROOT, "unshare", "outside of the chroot");
}

static void test_no_user_namespaces(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(no_user_namespaces);
}

static void test_no_net_namespaces(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(no_net_namespaces);
}

static void test_a_covered_proc(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(covered_proc);
}

static void test_a_filter_over_the_caller(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(filtered_unshare);
	in_child(filtered_mount);
}

static void test_in_a_chroot(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(in_a_chroot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_host),
		cmocka_unit_test(test_no_user_namespaces),
		cmocka_unit_test(test_no_net_namespaces),
		cmocka_unit_test(test_a_covered_proc),
		cmocka_unit_test(test_a_filter_over_the_caller),
		cmocka_unit_test(test_in_a_chroot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
