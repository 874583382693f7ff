/* SPDX-License-Identifier: Apache-2.0 */
/* A Mac's routing socket answers whoever else asks, too, and later than the call. So the addresses
 * of its interfaces are looked at, anew for each address that is to be dialled. What the registries
 * say of an address (the loopback's, multicast) has been looked at before. */
#include "egress/routes.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "egress/socket.h"

#define V4_BYTES 4

int routes_open(void)
{
	return 0;
}

static bool take(const struct sockaddr *name, struct address *ret)
{
	struct sockaddr_storage storage = {0};
	uint16_t port;

	if (!name || (name->sa_family != AF_INET && name->sa_family != AF_INET6))
		return false;
	memcpy(&storage, name,
		name->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					   : sizeof(struct sockaddr_in6));
	return socket_address(&storage, ret, &port);
}

/* Of its network the first address, which is an old form of the last one. */
static bool is_first(const struct ifaddrs *interface, const struct address *address)
{
	struct sockaddr_in name, mask;

	if (address->family != ADDRESS_V4 || !interface->ifa_netmask ||
		interface->ifa_addr->sa_family != AF_INET)
		return false;
	memcpy(&name, interface->ifa_addr, sizeof(name));
	memcpy(&mask, interface->ifa_netmask, sizeof(mask));
	name.sin_addr.s_addr &= mask.sin_addr.s_addr;
	return memcmp(&name.sin_addr, address->bytes, V4_BYTES) == 0;
}

static bool is_its(const struct ifaddrs *interface, const struct address *address)
{
	struct address own;

	if (!take(interface->ifa_addr, &own))
		return false;
	if (address_equal(&own, address))
		return true;
	if (!(interface->ifa_flags & IFF_BROADCAST))
		return false;
	return is_first(interface, address) ||
	       (take(interface->ifa_broadaddr, &own) && address_equal(&own, address));
}

int routes_own(int routes, const struct address *address)
{
	struct ifaddrs *list;
	int found = 0;

	(void)routes;
	if (address->family != ADDRESS_V4 && address->family != ADDRESS_V6)
		return -EINVAL;
	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *at = list; at && !found; at = at->ifa_next)
		found = is_its(at, address);
	freeifaddrs(list);
	return found;
}
