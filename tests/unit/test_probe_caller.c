/* SPDX-License-Identifier: Apache-2.0 */
/* The probe and the program that it is called from: what it may start, leaves behind and survives.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/probe/probe.h"
#include "linux/probe/child.h"
#include "linux/probe/parts.h"
#include "probe_place.h"
#include "resolve/probe.h"
#include "resolve/why_not.h"

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
		cmocka_unit_test(test_a_spawn_pays_for_no_process),
		cmocka_unit_test(test_nothing_is_left_behind),
		cmocka_unit_test(test_closed_standard_streams),
		cmocka_unit_test(test_a_caller_with_ways_of_its_own),
		cmocka_unit_test(test_a_failed_spawn_is_explained),
		cmocka_unit_test(test_a_hanging_child_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
