/* SPDX-License-Identifier: Apache-2.0 */
/* The probe on this host, and in places made here where something is refused: each in a child with
 * namespaces of its own. Where the host lets nobody make namespaces, the tests that need them say
 * so and are skipped; that the plain probe then finds the cause is what remains to be seen. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/probe.h"
#include "linux/probe_child.h"
#include "linux/probe_parts.h"
#include "resolve/probe.h"
#include "resolve/why_not.h"

enum { CHILD_GOOD, CHILD_BAD = 1, CHILD_SKIP = 77 };

/* Runs a place (which calls check() itself) in a child. */
static void in_child(int (*place)(void))
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(place());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIP) {
		print_message("this host does not let the test make its place\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), CHILD_GOOD);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Root of a user namespace of its own, with a mount namespace. */
static int become_root_of_own(int more)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | more) < 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)gid);
	if (write_text("/proc/self/setgroups", "deny") < 0 ||
		write_text("/proc/self/gid_map", map) < 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)uid);
	return write_text("/proc/self/uid_map", map);
}

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

/* 1 where this host lets an ordinary caller make a whole jail. */
static bool host_works(void)
{
	struct ks_host *host = NULL;
	bool works;

	assert_int_equal(host_probe(true, &host, NULL), 0);
	works = host->userns == USERNS_USABLE && host->bwrap.works;
	host_free(host);
	return works;
}

static void need_a_host_that_works(void)
{
	if (!host_works()) {
		print_message("no jail can be made on this host\n");
		skip();
	}
}

static void test_this_host(void **state)
{
	struct ks_host *host = NULL;
	struct ks_host *quick = NULL;
	struct why_not why;

	(void)state;
	assert_int_equal(host_probe(true, &host, NULL), 0);
	assert_int_equal(host_probe(false, &quick, NULL), 0);
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

/* A filter with one call that answers EPERM, as runtimes of containers have. */
static int refuse_call(long number, uint32_t answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
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

static int refuse_processes(void)
{
	static const long calls[] = {SYS_clone, SYS_clone3, SYS_execve, SYS_execveat,
#ifdef SYS_fork
		SYS_fork, SYS_vfork
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (refuse_call(calls[i], SECCOMP_RET_KILL_PROCESS) < 0)
			return -1;
	return 0;
}

/* What each spawn pays for must start nothing: under a filter that kills whoever tries, it lives.
 * The group's probe is apart, as it moves a process to see whether it may. */
static int look_without_processes(void)
{
	struct ks_host *host = host_new();

	if (refuse_processes() < 0)
		return CHILD_SKIP;
	if (probe_system(host) < 0 || probe_paths(host) < 0 || probe_bwrap(host) < 0)
		return CHILD_BAD;
	probe_landlock(host);
	probe_seccomp(host);
	probe_idmap(host, false);
	host_free(host);
	return CHILD_GOOD;
}

static int trying_needs_processes(void)
{
	struct ks_host *host = host_new();
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (refuse_processes() < 0)
			_exit(CHILD_SKIP);
		_exit(probe_userns(host) < 0 ? CHILD_BAD : CHILD_GOOD);
	}
	if (waitpid(pid, &status, 0) != pid)
		return CHILD_BAD;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP)
		return CHILD_SKIP;
	host_free(host);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? CHILD_GOOD : CHILD_BAD;
}

static void test_a_spawn_pays_for_no_process(void **state)
{
	(void)state;
	in_child(look_without_processes);
	in_child(trying_needs_processes); /* the control */
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_nothing_is_left_behind(void **state)
{
	unsigned before;
	struct ks_host *host = NULL;

	(void)state;
	assert_int_equal(host_probe(true, &host, NULL), 0);
	host_free(host);
	before = count_descriptors(); /* idmap keeps one for good */
	for (int i = 0; i < 3; i++) {
		host = NULL;
		assert_int_equal(host_probe(true, &host, NULL), 0);
		host_free(host);
	}
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int without_standard_streams(void)
{
	struct ks_host *host = NULL;
	int status = CHILD_BAD;

	close(0);
	close(1);
	close(2);
	if (host_probe(true, &host, NULL) == 0 && host->bwrap.works && host->bwrap.version)
		status = CHILD_GOOD;
	host_free(host);
	return status;
}

static void test_closed_standard_streams(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(without_standard_streams);
}

static volatile sig_atomic_t ends_seen;

static void count_end(int number)
{
	(void)number;
	ends_seen++;
}

static int works_with_version(void)
{
	struct ks_host *host = NULL;
	int status = CHILD_BAD;

	if (host_probe(true, &host, NULL) == 0 && host->bwrap.works && host->bwrap.version &&
		host->userns == USERNS_USABLE)
		status = CHILD_GOOD;
	host_free(host);
	return status;
}

static int with_ignored_children(void)
{
	signal(SIGCHLD, SIG_IGN);
	return works_with_version();
}

/* A handler for its own children is not called for those of the probe. (idmap and the groups have
 * some of their own, so the parts that are meant are tried by themselves.) */
static int with_a_handler(void)
{
	struct ks_host *host = host_new();
	int status = CHILD_BAD;

	signal(SIGCHLD, count_end);
	if (probe_system(host) == 0 && probe_paths(host) == 0 && probe_bwrap(host) == 0 &&
		probe_userns(host) == 0 && probe_bwrap_try(host) == 0 && host->bwrap.works &&
		ends_seen == 0)
		status = CHILD_GOOD;
	host_free(host);
	return status;
}

static void test_a_caller_with_ways_of_its_own(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(with_ignored_children);
	in_child(with_a_handler);
}

/* A spawn that failed on facts that were only looked at is explained by looking again. */
static int explain_afterwards(void)
{
	struct ks_host *host = NULL;
	ks_error *error = NULL;
	int r;

	if (become_root_of_own(0) < 0 || host_probe(false, &host, NULL) < 0 ||
		write_text("/proc/sys/user/max_user_namespaces", "0") < 0)
		return CHILD_SKIP;
	r = probe_why_not(host, "bwrap: No permissions to create a new namespace", &error);
	if (r != -ENOSPC || strcmp(ks_error_step(error), "userns") != 0 ||
		!strstr(ks_error_message(error), "max_user_namespaces") ||
		!strstr(ks_error_message(error), "No permissions"))
		return CHILD_BAD;
	ks_error_free(error);
	host_free(host);
	return CHILD_GOOD;
}

static void test_a_failed_spawn_is_explained(void **state)
{
	(void)state;
	need_a_host_that_works();
	in_child(explain_afterwards);
}

static void hang(const void *data, struct probe_answer *answer)
{
	(void)data;
	(void)answer;
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static void test_a_hanging_child_is_ended(void **state)
{
	struct probe_answer answer = {5, 5};

	(void)state;
	assert_int_equal(probe_in_child(hang, NULL, &answer), -ETIMEDOUT);
	assert_int_equal(answer.step, 5);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
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
		cmocka_unit_test(test_a_spawn_pays_for_no_process),
		cmocka_unit_test(test_nothing_is_left_behind),
		cmocka_unit_test(test_closed_standard_streams),
		cmocka_unit_test(test_a_caller_with_ways_of_its_own),
		cmocka_unit_test(test_a_failed_spawn_is_explained),
		cmocka_unit_test(test_a_hanging_child_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
