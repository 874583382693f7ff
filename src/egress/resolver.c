/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's side. What the child says may be what a name server told it to say: sizes, counts and
 * families are looked at before anything is believed. */
#include "egress/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
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

int resolver_ask(struct resolver *resolver, uint32_t ticket, const struct egress_host *name)
{
	struct question question = {.ticket = ticket};

	if (name->kind != HOST_NAME)
		return -EINVAL;
	memcpy(question.name, name->text, strnlen(name->text, KS_MAX_HOST));
	for (;;) {
		if (send(resolver->socket, &question, sizeof(question),
			    MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	}
}

static bool is_address(const struct address *address)
{
	static const uint8_t zeros[16];

	if (address->family == ADDRESS_V4)
		return memcmp(address->bytes + 4, zeros, 12) == 0;
	return address->family == ADDRESS_V6;
}

static bool is_resolution(const struct resolution *resolution)
{
	if (resolution->error)
		return resolution->n_addresses == 0;
	if (resolution->n_addresses == 0 || resolution->n_addresses > RESOLVER_MAX_ADDRESSES)
		return false;
	for (uint32_t i = 0; i < resolution->n_addresses; i++) {
		if (!is_address(&resolution->addresses[i]))
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (address_equal(&resolution->addresses[i], &resolution->addresses[j]))
				return false;
	}
	return true;
}

int resolver_take(struct resolver *resolver, struct resolution *ret_resolution)
{
	struct resolution resolution;
	struct iovec part = {&resolution, sizeof(resolution)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t len;

	/* Without room for descriptors none can be smuggled in. */
	do {
		len = recvmsg(resolver->socket, &message, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return 0;
	if (len < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (len == 0)
		return -EPIPE;
	if ((size_t)len != sizeof(resolution) || (message.msg_flags & MSG_TRUNC) ||
		!is_resolution(&resolution))
		return -EBADMSG;
	*ret_resolution = resolution;
	return 1;
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
