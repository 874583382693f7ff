/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "linux/init/netlink.h"
#include "linux/init/network.h"

#define LOOPBACK 1 /* the index of lo in every new network namespace */

/* Of if_link.h since Linux 6.3; who does not know it leaves it out. */
#define GSO_IPV4_MAX_SIZE 63
/* Bytes that TCP hands to lo in one piece, instead of 64 KiB: what the kernel lets a loopback have
 * at most (GSO_MAX_SIZE). All that the worker sends to the proxy goes over it, and the price of a
 * piece is nearly the same however large it is. */
#define PIECE (8 * 65535u)

static void add_link(struct netlink *text)
{
	const struct ifinfomsg head = {
		.ifi_index = LOOPBACK, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(text, RTM_NEWLINK, NLM_F_ACK, &head, sizeof(head));
}

/* Only for speed: not asked whether it was done, and last, so that a refusal is not even read. */
static void add_pieces(struct netlink *text)
{
	const uint32_t piece = PIECE;
	const struct ifinfomsg head = {.ifi_index = LOOPBACK};

	netlink_begin(text, RTM_NEWLINK, 0, &head, sizeof(head));
	netlink_add(text, IFLA_GSO_MAX_SIZE, &piece, sizeof(piece));
	netlink_add(text, GSO_IPV4_MAX_SIZE, &piece, sizeof(piece));
}

/* "local 0.0.0.0/0 dev lo", in the table that is looked at first. */
static void add_route(struct netlink *text, unsigned char family)
{
	const uint32_t loopback = LOOPBACK;
	const struct rtmsg head = {.rtm_family = family,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL};

	netlink_begin(text, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, &head, sizeof(head));
	netlink_add(text, RTA_OIF, &loopback, sizeof(loopback));
}

static int talk(const struct netlink *text, const char *what, struct failure *failure)
{
	uint32_t message;
	int r = netlink_talk(text, NETLINK_ROUTE, &message);

	return r < 0 ? failure_set(failure, -r, "network", what) : 0;
}

int network_loopback(struct failure *failure)
{
	struct netlink text = {.len = 0};

	add_link(&text);
	return talk(&text, "the loopback", failure);
}

int network_route_all(struct failure *failure)
{
	struct netlink text = {.len = 0};
	struct netlink six = {.len = 0};
	uint32_t message;
	int r;

	add_link(&text);
	add_route(&text, AF_INET);
	r = talk(&text, "the loopback and its routes", failure);
	if (r < 0)
		return r;
	/* A network without IPv6, or with it switched off, leads nowhere by it either. */
	add_route(&six, AF_INET6);
	add_pieces(&six);
	r = netlink_talk(&six, NETLINK_ROUTE, &message);
	if (r == 0 || r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -EACCES || r == -EINVAL)
		return 0;
	return failure_set(failure, -r, "network", "the loopback's routes of IPv6");
}
