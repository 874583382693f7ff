/* SPDX-License-Identifier: Apache-2.0 */
/* What the proxy and its resolver can no longer do: each act is tried in a child that is confined,
 * and in one that is not, where it succeeds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "confine_acts.h"
#include "egress/confine_parts.h"
#include "egress/control.h"

/* A build with sanitizers has no filter: what is left there is Landlock. */
#ifdef __SANITIZE_ADDRESS__
#define FIRST_PLACE LANDLOCK_ALONE
#define SECCOMP_STATE "0"
#else
#define FIRST_PLACE PROXY
#define SECCOMP_STATE "2"
#endif

#define NOT_CONFINED 250

static int enter(enum place place)
{
	struct complaint complaint;
	int abi;

	switch (place) {
	case PROXY:
		return confine_proxy(64, &abi, &complaint);
	case RESOLVER:
		return confine_resolver(&complaint);
	case LANDLOCK_ALONE:
		return landlock_proxy(&abi, &complaint);
	default:
		return 0;
	}
}

/* The act returns 0 or an errno. */
static int result_in(enum place place, int (*act)(void))
{
	const struct rlimit one_byte = {1, 1};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &one_byte);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (enter(place) < 0)
			_exit(NOT_CONFINED);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);

	return abi < 0 ? 0 : (int)abi;
}

/* A kernel without Landlock, or with an old one, leaves the filter alone. */
static int wanted_in(enum place place, const struct row *row, int control)
{
	bool lacking = landlock_abi() < row->since;

	if (lacking && place == RESOLVER)
		return row->filter_alone;
	if (lacking && place == LANDLOCK_ALONE)
		return control;
	return row->answers[place] < 0 ? control : row->answers[place];
}

static void check_row(const struct row *row)
{
	int control = result_in(FREE, row->act);

	if (control != row->answers[FREE] && (!row->other || control != row->other))
		fail_msg("%s: without confinement the answer is %d", row->name, control);
	for (enum place place = FIRST_PLACE; place < PLACES; place++) {
		int wanted = wanted_in(place, row, control);
		int result = result_in(place, row->act);

		if (result != wanted)
			fail_msg("%s in place %d: %d instead of %d", row->name, place, result,
				wanted);
	}
}

static void test_acts(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_rows; i++)
		check_row(&rows[i]);
	unlink("/tmp/kastellan-confine-new");
}

/* Root would find its secrets in /etc; anybody else reads there what everybody may. */
static void test_etc(void **state)
{
	(void)state;
	assert_int_equal(result_in(FREE, act_read_passwd), 0);
	assert_int_equal(
		result_in(RESOLVER, act_read_passwd), geteuid() || !landlock_abi() ? 0 : EACCES);
}

static int value_of(pid_t pid, const char *name, char value[64])
{
	char path[64], line[256];
	FILE *file;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			found = sscanf(line + strlen(name) + 1, "%63s", value);
	fclose(file);
	return found;
}

static void assert_status(pid_t pid, const char *name, const char *wanted)
{
	char value[64] = "";

	assert_int_equal(value_of(pid, name, value), 1);
	assert_string_equal(value, wanted);
}

/* A child that has done as main() does, and waits. */
static pid_t start_whole(int *ret_wake)
{
	int told[2], wake[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(wake, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct complaint complaint;
		int known = landlock_abi(), abi, extra;

		/* Slots 3 and 4, and one that is not meant to be there. The reader may lie in
		 * slot 5. */
		close(told[0]);
		dup2(wake[0], 100);
		dup2(told[1], 101);
		extra = dup2(100, 50);
		dup2(100, EGRESS_SLOT_OWNER);
		dup2(101, EGRESS_SLOT_JAIL);
		if (confine_start(&complaint) < 0 || fcntl(extra, F_GETFD) >= 0 || errno != EBADF ||
			confine_proxy(64, &abi, &complaint) < 0 || (abi > 0) != (known > 0))
			_exit(1);
		if (write(EGRESS_SLOT_JAIL, "r", 1) != 1)
			_exit(1);
		(void)!read(EGRESS_SLOT_OWNER, &byte, 1);
		/* A pipe that nobody reads: no signal. */
		_exit(write(EGRESS_SLOT_JAIL, "x", 1) < 0 && errno == EPIPE ? 0 : 2);
	}
	close(told[1]);
	close(wake[0]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	*ret_wake = wake[1];
	return pid;
}

static void test_state(void **state)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
	char path[64];
	struct stat st;
	struct rlimit limit;
	int status, wake;
	pid_t pid = start_whole(&wake);

	(void)state;
	assert_status(pid, "NoNewPrivs", "1");
	assert_status(pid, "Seccomp", SECCOMP_STATE);
	assert_status(pid, "Name", "kastellan-egres"); /* as long as the kernel keeps it */
	for (size_t i = 0; i < 4; i++)
		assert_status(pid, sets[i], "0000000000000000");
	/* Not dumpable: root's, whoever runs it. */
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &limit), 0);
	assert_true(limit.rlim_max <= 1);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 64);
	assert_int_equal(getsid(pid), pid);
	close(wake);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int try_ids(uint32_t uid, uint32_t gid)
{
	struct complaint complaint = {0};
	gid_t groups[8];

	if (confine_start(&complaint) < 0)
		return 1;
	if (confine_ids(uid, gid, &complaint) < 0)
		return strcmp(complaint.step, "ids") == 0 ? complaint.code : 2;
	if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid)
		return 3;
	if (getgroups(8, groups) != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 4;
	return setuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

static int act_give_up_ids(void)
{
	return try_ids(65534, 65533);
}

static int act_no_id(void)
{
	return try_ids(UINT32_MAX, 65533);
}

static void test_ids(void **state)
{
	(void)state;
	assert_int_equal(result_in(FREE, act_give_up_ids), geteuid() ? EPERM : 0);
	assert_int_equal(result_in(FREE, act_no_id), EINVAL);
}

static int set_up(void **state)
{
	socklen_t len = sizeof(listener);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int file = mkstemp(file_path);

	(void)state;
	close(file);
	library = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	listener = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (file < 0 || library < 0 || bind(fd, (void *)&listener, len) < 0 || listen(fd, 128) < 0)
		return -1;
	return getsockname(fd, (void *)&listener, &len);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(file_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_etc),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests_name("egress_confine", tests, set_up, tear_down);
}
