/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/init/network.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static int allow_any_address(int fd, int family)
{
	const int yes = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof(yes)) < 0)
		return -errno;
	if (family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &yes, sizeof(yes)) < 0)
		return -errno;
	return 0;
}

static int bind_any(int fd, int family, uint16_t port)
{
	const int no = 0;
	union place place = {.any = {.sa_family = (sa_family_t)family}};
	socklen_t len = family == AF_INET6 ? sizeof(place.six) : sizeof(place.four);

	if (family == AF_INET6) {
		place.six.sin6_port = htons(port);
		/* Whatever the new network has for a default. */
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0)
			return -errno;
	} else {
		place.four.sin_port = htons(port);
	}
	return bind(fd, &place.any, len) < 0 ? -errno : 0;
}

/* One socket for both, or for IPv4 where the kernel has nothing else. */
static int open_any(int type, uint16_t port, bool transparent)
{
	int family = AF_INET6;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0 && errno == EAFNOSUPPORT) {
		family = AF_INET;
		fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return -errno;
	r = transparent ? allow_any_address(fd, family) : 0;
	if (r == 0)
		r = bind_any(fd, family, port);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int start_listening(int fd)
{
	int r;

	if (fd < 0 || listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int network_listen(uint16_t port, bool transparent)
{
	return start_listening(open_any(SOCK_STREAM, port, transparent));
}

/* Whoever answers has to know the address that was asked, from the first datagram on. */
static int tell_destination(int fd)
{
	const int yes = 1;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes)) == 0 ||
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes)) == 0)
		return 0;
	return -errno;
}

int network_datagrams(uint16_t port)
{
	/* Transparent, to answer from an address that no device has. */
	int fd = open_any(SOCK_DGRAM, port, true);
	int r = fd < 0 ? fd : tell_destination(fd);

	if (r < 0 && fd >= 0)
		close(fd);
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
	fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, &place.any, len) == 0)
		return start_listening(fd);
	r = -errno;
	close(fd);
	return r;
}

uint16_t network_port(int fd)
{
	union place place;
	socklen_t len = sizeof(place);

	memset(&place, 0, sizeof(place));
	if (getsockname(fd, &place.any, &len) < 0)
		return 0;
	return ntohs(place.any.sa_family == AF_INET6 ? place.six.sin6_port : place.four.sin_port);
}
