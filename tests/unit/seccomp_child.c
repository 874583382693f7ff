/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp_child.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NOT_LOADED 251

const char *child_machine(void)
{
	static struct utsname host;

	assert_int_equal(uname(&host), 0);
	return host.machine;
}

const struct seccomp_program *child_program(enum ks_profile profile, bool notify)
{
	const struct seccomp_program *program = seccomp_program_for(
		profile, child_machine(), notify);

	assert_non_null(program);
	return program;
}

static int load(const struct seccomp_program *program, unsigned flags)
{
	struct sock_fprog prog = {
		.len = program->len,
		.filter = (struct sock_filter *)program->filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static void no_core(void)
{
	const struct rlimit one_byte = {1, 1};

	setrlimit(RLIMIT_CORE, &one_byte);
}

static int result_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return CHILD_SIGNALLED + WTERMSIG(status);
	return WEXITSTATUS(status) == NOT_LOADED ? CHILD_NOT_LOADED : WEXITSTATUS(status);
}

int child_run(const struct seccomp_program *program, child_act *act)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		no_core();
		if (program && load(program, 0) < 0)
			_exit(NOT_LOADED);
		_exit(act());
	}
	return result_of(pid);
}

union fd_message {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool send_fd(int socket, int fd)
{
	union fd_message control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) == 1;
}

static int receive_fd(int socket)
{
	union fd_message control = {0};
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* Until the child ends (the descriptor hangs up then), kill at the first call. */
static int listen_once(int listener, pid_t pid)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	struct seccomp_notif call = {0};

	assert_int_equal(poll(&wait, 1, 10000), 1);
	if (!(wait.revents & POLLIN))
		return -1;
	assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
	assert_int_equal(call.pid, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	return call.data.nr;
}

int child_run_listened(const struct seccomp_program *program, child_act *act, int *ret_nr)
{
	int pair[2];
	int listener;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		no_core();
		listener = load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		if (listener < 0 || !send_fd(pair[1], listener))
			_exit(NOT_LOADED);
		close(listener);
		_exit(act());
	}
	close(pair[1]);
	listener = receive_fd(pair[0]);
	assert_true(listener >= 0);
	*ret_nr = listen_once(listener, pid);
	close(listener);
	close(pair[0]);
	return result_of(pid);
}
