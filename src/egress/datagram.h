/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram with both of its addresses, so that its answer comes from where it was sent to. */
#ifndef KS_EGRESS_DATAGRAM_H
#define KS_EGRESS_DATAGRAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct datagram {
	struct sockaddr_storage from;
	socklen_t from_len;
	size_t control_len;
	/* Last, as it ends in what has no size of its own. */
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control; /* of where it was sent to */
};

/* The socket tells where each was sent to, and may answer from any address. */
void datagram_prepare(int fd);

/* Without waiting, as recv() and send(). */
ssize_t datagram_receive(int fd, struct datagram *datagram, void *bytes, size_t len);
ssize_t datagram_answer(int fd, struct datagram *datagram, const void *bytes, size_t len);

/* Where it was sent to, IPv4 as a mapped address; false: that was not told. */
bool datagram_destination(const struct datagram *datagram, uint8_t ret_address[16]);

#endif
