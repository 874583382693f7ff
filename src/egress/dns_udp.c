/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "egress/tell.h"

#define TURN 32 /* questions before others have their turn */

/* One message, and the two addresses of it. */
struct question {
	struct sockaddr_storage from;
	struct iovec part;
	struct msghdr message;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
};

void dns_udp_prepare(int fd)
{
	int on = 1;

	/* On a dual-stack socket the second is for both families, as mapped addresses. */
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	/* A route makes every address local in the jail. IPv4 takes that for an address to answer
	 * from; IPv6 only with this. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
}

static void prepare(struct question *question, void *bytes, size_t len)
{
	question->part = (struct iovec){bytes, len};
	question->message = (struct msghdr){.msg_name = &question->from,
		.msg_namelen = sizeof(question->from),
		.msg_iov = &question->part,
		.msg_iovlen = 1,
		.msg_control = question->control.space,
		.msg_controllen = sizeof(question->control.space)};
}

/* Turned round: the address that was asked is the one that answers, whatever interface it came in
 * by. Anything else that came along is left out. */
static void turn_round(struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	struct in6_pktinfo v6;
	struct in_pktinfo v4;

	if (head && head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
		memcpy(&v4, CMSG_DATA(head), sizeof(v4));
		v4.ipi_spec_dst = v4.ipi_addr;
		v4.ipi_ifindex = 0;
		memcpy(CMSG_DATA(head), &v4, sizeof(v4));
		message->msg_controllen = CMSG_SPACE(sizeof(v4));
	} else if (head && head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
		memcpy(&v6, CMSG_DATA(head), sizeof(v6));
		v6.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(head), &v6, sizeof(v6));
		message->msg_controllen = CMSG_SPACE(sizeof(v6));
	} else {
		message->msg_control = NULL;
		message->msg_controllen = 0;
	}
}

bool dns_udp_serve(struct proxy *proxy, int fd)
{
	uint8_t *bytes = (uint8_t *)proxy->relay.scratch, reply[DNS_MAX_REPLY];
	struct question question;
	struct dns_query query;
	struct dns_answer answer;
	bool any = false;

	for (int i = 0; i < TURN; i++) {
		size_t known = proxy->names.count, len;
		ssize_t got;

		prepare(&question, bytes, DNS_MAX_QUERY + 1);
		got = recvmsg(fd, &question.message, MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			return false;
		/* Any other error is about an earlier answer that nobody took. */
		if (got < 0)
			continue;
		any = true;
		if (got == 0 || got > DNS_MAX_QUERY)
			continue;
		len = dns_respond(bytes, (size_t)got, false, &proxy->rules, &proxy->names,
			proxy->config.flags & EGRESS_FLAG_NO_V6, reply, &query, &answer);
		if (len == 0)
			continue;
		if (answer.reason != REASON_ALLOWED || proxy->names.count != known)
			tell_question(proxy, VIA_DNS_UDP, &query, &answer);
		question.part = (struct iovec){reply, len};
		turn_round(&question.message);
		sendmsg(fd, &question.message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	/* A socket that gives nothing but errors tells again when that has changed. */
	return any;
}
