/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "linux/init/network.h"
#include "linux/init/raw.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static int allow_any_address(int fd, int family)
{
	int r = raw_set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);

	if (r == 0 && family == AF_INET6)
		r = raw_set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
	return r;
}

static int bind_any(int fd, int family, uint16_t port)
{
	union place place = {.any = {.sa_family = (sa_family_t)family}};
	socklen_t len = family == AF_INET6 ? sizeof(place.six) : sizeof(place.four);
	int r = 0;

	if (family == AF_INET6) {
		place.six.sin6_port = htons(port);
		/* Whatever the new network has for a default. */
		r = raw_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	} else {
		place.four.sin_port = htons(port);
	}
	return r < 0 ? r : raw_bind(fd, &place.any, len);
}

/* One socket for both, or for IPv4 where the kernel has nothing else. */
static int open_any(int type, uint16_t port, bool transparent)
{
	int family = AF_INET6;
	int fd = raw_socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd == -EAFNOSUPPORT) {
		family = AF_INET;
		fd = raw_socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return fd;
	r = transparent ? allow_any_address(fd, family) : 0;
	if (r == 0)
		r = bind_any(fd, family, port);
	if (r < 0) {
		raw_close(fd);
		return r;
	}
	return fd;
}

static int start_listening(int fd)
{
	int r;

	if (fd < 0)
		return fd;
	r = raw_listen(fd, BACKLOG);
	if (r < 0)
		raw_close(fd);
	return r < 0 ? r : fd;
}

int network_listen(uint16_t port, bool transparent)
{
	return start_listening(open_any(SOCK_STREAM, port, transparent));
}

/* Whoever answers has to know the address that was asked, from the first datagram on. */
static int tell_destination(int fd)
{
	int r = raw_set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);

	return r == 0 ? 0 : raw_set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

int network_datagrams(uint16_t port)
{
	/* Transparent, to answer from an address that no device has. */
	int fd = open_any(SOCK_DGRAM, port, true);
	int r = fd < 0 ? fd : tell_destination(fd);

	if (r < 0 && fd >= 0)
		raw_close(fd);
	return r < 0 ? r : fd;
}

int network_listen_at(const uint8_t address[16], uint16_t port)
{
	union place place = {.six = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
	socklen_t len = sizeof(place.six);
	int fd, r;

	memcpy(&place.six.sin6_addr, address, sizeof(place.six.sin6_addr));
	if (IN6_IS_ADDR_V4MAPPED(&place.six.sin6_addr)) {
		place = (union place){.four = {.sin_family = AF_INET, .sin_port = htons(port)}};
		memcpy(&place.four.sin_addr, address + 12, sizeof(place.four.sin_addr));
		len = sizeof(place.four);
	}
	fd = raw_socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	r = raw_bind(fd, &place.any, len);
	if (r == 0)
		return start_listening(fd);
	raw_close(fd);
	return r;
}

uint16_t network_port(int fd)
{
	union place place;
	socklen_t len = sizeof(place);

	memset(&place, 0, sizeof(place));
	if (raw_name(fd, &place.any, &len) < 0)
		return 0;
	return ntohs(place.any.sa_family == AF_INET6 ? place.six.sin6_port : place.four.sin_port);
}
