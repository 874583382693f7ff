/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/datagram.h"

#include <string.h>

void datagram_prepare(int fd)
{
	int on = 1;

	/* On a dual-stack socket the second is for both families, as mapped addresses. */
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	/* A route makes every address local in the jail. IPv4 takes that for an address to answer
	 * from; IPv6 only with this. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
}

ssize_t datagram_receive(int fd, struct datagram *datagram, void *bytes, size_t len)
{
	struct iovec part = {bytes, len};
	struct msghdr message = {.msg_name = &datagram->from,
		.msg_namelen = sizeof(datagram->from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = datagram->control.space,
		.msg_controllen = sizeof(datagram->control.space)};
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);

	datagram->from_len = message.msg_namelen;
	datagram->control_len = got < 0 ? 0 : (size_t)message.msg_controllen;
	return got;
}

static const struct cmsghdr *head_of(const struct datagram *datagram)
{
	return datagram->control_len >= sizeof(struct cmsghdr) ? &datagram->control.align : NULL;
}

static bool is_of(const struct cmsghdr *head, int level, int type)
{
	return head && head->cmsg_level == level && head->cmsg_type == type;
}

/* Turned round: the address that was asked is the one that answers, whatever interface it came in
 * by. Anything else that came along is left out. Returns how much of it there is. */
static size_t turn_round(struct datagram *datagram)
{
	struct cmsghdr *head = &datagram->control.align;
	struct in6_pktinfo v6;
	struct in_pktinfo v4;

	if (is_of(head_of(datagram), IPPROTO_IP, IP_PKTINFO)) {
		memcpy(&v4, CMSG_DATA(head), sizeof(v4));
		v4.ipi_spec_dst = v4.ipi_addr;
		v4.ipi_ifindex = 0;
		memcpy(CMSG_DATA(head), &v4, sizeof(v4));
		return CMSG_SPACE(sizeof(v4));
	}
	if (is_of(head_of(datagram), IPPROTO_IPV6, IPV6_PKTINFO)) {
		memcpy(&v6, CMSG_DATA(head), sizeof(v6));
		v6.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(head), &v6, sizeof(v6));
		return CMSG_SPACE(sizeof(v6));
	}
	return 0;
}

ssize_t datagram_answer(int fd, struct datagram *datagram, const void *bytes, size_t len)
{
	struct iovec part = {(void *)bytes, len};
	size_t control_len = turn_round(datagram);
	const struct msghdr message = {.msg_name = &datagram->from,
		.msg_namelen = datagram->from_len,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control_len ? datagram->control.space : NULL,
		.msg_controllen = (socklen_t)control_len};

	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool datagram_destination(const struct datagram *datagram, uint8_t ret_address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct cmsghdr *head = head_of(datagram);
	struct in6_pktinfo v6;
	struct in_pktinfo v4;

	if (is_of(head, IPPROTO_IP, IP_PKTINFO)) {
		memcpy(&v4, CMSG_DATA(head), sizeof(v4));
		memcpy(ret_address, mapped, sizeof(mapped));
		memcpy(ret_address + 12, &v4.ipi_addr, 4);
		return true;
	}
	if (!is_of(head, IPPROTO_IPV6, IPV6_PKTINFO))
		return false;
	memcpy(&v6, CMSG_DATA(head), sizeof(v6));
	memcpy(ret_address, &v6.ipi6_addr, 16);
	return true;
}
