/* SPDX-License-Identifier: Apache-2.0 */
/* On Linux the resolver is a child that the proxy forks, over a socket that keeps messages apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "egress/resolver.h"
#include "egress/resolver_child.h"

#define END_MS 200 /* for the child to be gone, which takes a moment as a rule */

int resolver_start(struct resolver *ret_resolver)
{
	struct resolver resolver = {.socket = -1, .pidfd = -1};
	pid_t parent = getpid();
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	resolver.pid = fork();
	r = -errno;
	if (resolver.pid == 0)
		resolver_child(pair[1], parent);
	close(pair[1]);
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
