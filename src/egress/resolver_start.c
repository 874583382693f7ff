/* SPDX-License-Identifier: Apache-2.0 */
/* On Linux the resolver is a child that the proxy forks, over a socket that keeps messages apart.
 *
 * Many workers ask for no name. What resolves names takes longer to start than the proxy itself, so
 * until the first question, which is not read before, the child only waits, without privileges. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "egress/confine.h"
#include "egress/control.h"
#include "egress/resolver_child.h"

#define END_MS 200 /* for the child to be gone, which takes a moment as a rule */
#define SLOT_PROGRAM (NAMES_SLOT_SOCKET + 1)

static int place_descriptors(int socket)
{
	int high = fcntl(socket, F_DUPFD_CLOEXEC, SLOT_PROGRAM + 1);
	int program = fcntl(EGRESS_SLOT_NAMES, F_DUPFD_CLOEXEC, SLOT_PROGRAM + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (high < 0 || program < 0 || null < 0)
		return -errno;
	for (int fd = 0; fd < NAMES_SLOT_SOCKET; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup2(high, NAMES_SLOT_SOCKET) < 0 || dup3(program, SLOT_PROGRAM, O_CLOEXEC) < 0 ||
		syscall(SYS_close_range, SLOT_PROGRAM + 1, ~0u, 0) < 0)
		return -errno;
	return 0;
}

/* True: there is one. Nothing is read yet. */
static bool await_question(void)
{
	struct pollfd wait = {.fd = NAMES_SLOT_SOCKET, .events = POLLIN};

	while (poll(&wait, 1, -1) < 0)
		if (errno != EINTR)
			return false;
	/* At the proxy's end nobody waits for an answer. */
	return wait.revents == POLLIN;
}

static _Noreturn void child(int socket, pid_t parent)
{
	static const char *const argv[] = {"kastellan-names", NULL};
	static const char *const no_environment[] = {NULL};
	struct complaint complaint;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NAME, "kastellan-names", 0, 0, 0);
	if (getppid() != parent)
		_exit(0);
	if (place_descriptors(socket) < 0 || confine_waiting(&complaint) < 0)
		_exit(1);
	if (!await_question())
		_exit(0);
	syscall(SYS_execveat, SLOT_PROGRAM, "", argv, no_environment, AT_EMPTY_PATH);
	_exit(1);
}

int resolver_start(struct resolver *ret_resolver)
{
	struct resolver resolver = {.socket = -1, .pidfd = -1};
	pid_t parent = getpid();
	int pair[2];
	int r;

	if (fcntl(EGRESS_SLOT_NAMES, F_GETFD) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	resolver.pid = fork();
	r = -errno;
	if (resolver.pid == 0)
		child(pair[1], parent);
	close(pair[1]);
	close(EGRESS_SLOT_NAMES);
	if (resolver.pid < 0) {
		close(pair[0]);
		return r;
	}
	resolver.socket = pair[0];
	resolver.pidfd = (int)syscall(SYS_pidfd_open, resolver.pid, 0);
	if (resolver.pidfd < 0 || fcntl(resolver.socket, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		kill(resolver.pid, SIGKILL);
		resolver_done(&resolver);
		return r;
	}
	*ret_resolver = resolver;
	return 0;
}

/* Without room for descriptors none can be smuggled in. */
ssize_t resolver_receive(int socket, void *bytes, size_t len)
{
	struct iovec part = {bytes, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	do {
		got = recvmsg(socket, &message, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return message.msg_flags & MSG_TRUNC ? -EBADMSG : got;
}

void resolver_done(struct resolver *resolver)
{
	struct pollfd ended = {.fd = resolver->pidfd, .events = POLLIN};

	if (resolver->socket < 0)
		return;
	close(resolver->socket);
	/* The confined proxy can signal nobody: the child ends by the hang-up, or with the proxy.
	 */
	if (resolver->pidfd >= 0) {
		while (poll(&ended, 1, END_MS) < 0 && errno == EINTR)
			;
		close(resolver->pidfd);
	}
	if (ended.revents)
		waitpid(resolver->pid, NULL, WNOHANG);
	*resolver = (struct resolver){.socket = -1, .pidfd = -1};
}
