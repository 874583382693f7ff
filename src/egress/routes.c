/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel answers inside the call that asks it, so that the answer waits in the socket when the
 * call returns: nothing here can hang. The socket is connected to the kernel, which keeps other
 * senders out; who sent an answer is looked at all the same. */
#include "egress/routes.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define KERNEL 0 /* its port */
#define MAX_ANSWERS 64 /* left-overs of questions that were given up, and then the answer */

struct question {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr attribute;
	uint8_t address[16];
};

union answer {
	struct nlmsghdr header;
	char bytes[4096];
};

int routes_open(void)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_pid = KERNEL};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		int code = -errno;

		close(fd);
		return code;
	}
	return fd;
}

static int ask(int routes, const struct address *address, uint32_t sequence)
{
	uint8_t bytes = address->family == ADDRESS_V4 ? 4 : 16;
	struct question question = {
		.header = {.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = sequence},
		.route = {.rtm_family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6,
			.rtm_dst_len = bytes * 8},
		.attribute = {.rta_len = (unsigned short)RTA_LENGTH(bytes), .rta_type = RTA_DST},
	};

	memcpy(question.address, address->bytes, bytes);
	question.header.nlmsg_len = (uint32_t)(offsetof(struct question, attribute) +
					       RTA_LENGTH(bytes));
	for (;;) {
		if (send(routes, &question, question.header.nlmsg_len, MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Unreachable destinations and the like are nobody's, and dialling them tells so. */
static int own_by_type(unsigned type)
{
	switch (type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return 1;
	case RTN_UNICAST:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_BLACKHOLE:
		return 0;
	default:
		return -EPROTO;
	}
}

static int own_by_error(int code)
{
	switch (code) {
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EACCES: /* type prohibit */
		return 0;
	default:
		return code < 0 ? code : -EPROTO;
	}
}

static int read_answer(const union answer *answer, size_t len)
{
	const struct nlmsghdr *header = &answer->header;
	struct nlmsgerr error;
	struct rtmsg route;

	if (header->nlmsg_type == NLMSG_ERROR && len >= NLMSG_LENGTH(sizeof(error))) {
		memcpy(&error, NLMSG_DATA(header), sizeof(error));
		return own_by_error(error.error);
	}
	if (header->nlmsg_type != RTM_NEWROUTE || len < NLMSG_LENGTH(sizeof(route)))
		return -EPROTO;
	memcpy(&route, NLMSG_DATA(header), sizeof(route));
	return own_by_type(route.rtm_type);
}

/* 1 with a whole message of the kernel to that question, 0 for any other one, -errno when there is
 * none. */
static int receive(int routes, uint32_t sequence, union answer *ret, size_t *ret_len)
{
	struct sockaddr_nl sender = {0};
	struct iovec part = {ret, sizeof(*ret)};
	struct msghdr message = {.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &part,
		.msg_iovlen = 1};
	ssize_t len = recvmsg(routes, &message, MSG_DONTWAIT);

	if (len < 0)
		return errno == EINTR ? 0 : -errno;
	if (message.msg_namelen != sizeof(sender) || sender.nl_family != AF_NETLINK ||
		sender.nl_pid != KERNEL)
		return 0;
	if ((size_t)len < sizeof(ret->header) || (message.msg_flags & MSG_TRUNC) ||
		ret->header.nlmsg_len < sizeof(ret->header) ||
		ret->header.nlmsg_len > (size_t)len || ret->header.nlmsg_seq != sequence)
		return 0;
	*ret_len = ret->header.nlmsg_len;
	return 1;
}

int routes_own(int routes, const struct address *address)
{
	static uint32_t last_sequence;
	uint32_t sequence = ++last_sequence;
	union answer answer;
	size_t len = 0;
	int r;

	if (address->family != ADDRESS_V4 && address->family != ADDRESS_V6)
		return -EINVAL;
	r = ask(routes, address, sequence);
	if (r < 0)
		return r;
	for (int i = 0; i < MAX_ANSWERS; i++) {
		r = receive(routes, sequence, &answer, &len);
		if (r < 0)
			/* EAGAIN would be taken for something that passes. */
			return r == -EAGAIN ? -EPROTO : r;
		if (r > 0)
			return read_answer(&answer, len);
	}
	return -EPROTO;
}
