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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "egress/resolver_child.h"

#define GREETING_MS 10000 /* a confinement that takes longer has hung */
/* For the child to be gone after the hang-up: it takes a moment as a rule, for which nobody should
 * wait longer than it takes, and 200 ms at most. */
#define END_STEPS 46
#define FIRST_STEP_NSEC 50000
#define LAST_STEP_NSEC 5000000

static int take_greeting(int socket)
{
	struct pollfd wait = {.fd = socket, .events = POLLIN};
	struct greeting greeting;

	while (poll(&wait, 1, GREETING_MS) < 0)
		if (errno != EINTR)
			return -errno;
	if (!wait.revents)
		return -ETIMEDOUT;
	/* Without one the child is gone. */
	if (recv(socket, &greeting, sizeof(greeting), MSG_DONTWAIT) != sizeof(greeting))
		return -ECHILD;
	return greeting.code > 0 ? -EBADMSG : greeting.code;
}

int resolver_start(struct resolver *ret_resolver)
{
	struct resolver resolver = {.socket = -1};
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
	r = take_greeting(resolver.socket);
	if (r == 0 && fcntl(resolver.socket, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0) {
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
	struct timespec step = {.tv_nsec = FIRST_STEP_NSEC};

	if (resolver->socket < 0)
		return;
	close(resolver->socket);
	/* The confined proxy can signal nobody: the child ends by the hang-up, or with the proxy.
	 */
	for (int i = 0; i < END_STEPS; i++) {
		if (waitpid(resolver->pid, NULL, WNOHANG) != 0)
			break;
		nanosleep(&step, NULL);
		if (step.tv_nsec < LAST_STEP_NSEC)
			step.tv_nsec *= 2;
	}
	*resolver = (struct resolver){.socket = -1};
}
