// SPDX-License-Identifier: Apache-2.0
/* Ways to talk to somebody. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

/* family, type, protocol */
ACT(do_socket)
{
	return judge(socket(number(args[0]), number(args[1]), number(args[2])));
}

/* The same with a bit set that the kernel does not look at. */
ACT(do_socket_high)
{
	return judge(syscall(SYS_socket, 0x100000000UL | (unsigned)number(args[0]), number(args[1]),
		number(args[2])));
}

ACT(do_pair)
{
	int pair[2];
	char byte = 'x';

	if (socketpair(number(args[0]), number(args[1]), 0, pair) < 0)
		return denied(errno);
	if (write(pair[0], &byte, 1) != 1 || read(pair[1], &byte, 1) != 1)
		return broken("the pair does not carry");
	return allowed("a pair");
}

static socklen_t unix_address(struct sockaddr_un *address, const char *path, int abstract)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	strncpy(address->sun_path + abstract, path, sizeof(address->sun_path) - 2);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)abstract +
			   strlen(path) + !abstract);
}

static int connect_unix(int fd, const char *path, int abstract)
{
	struct sockaddr_un address;
	socklen_t len = unix_address(&address, path, abstract);

	if (fd < 0)
		return denied(errno);
	return judge(connect(fd, (struct sockaddr *)&address, len));
}

ACT(do_unix)
{
	return connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), args[0], 0);
}

ACT(do_abstract)
{
	return connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), args[0], 1);
}

/* No socket() at all: one half of a datagram pair is connected anew, to somebody of the host. */
ACT(do_pair_connect)
{
	int pair[2];

	if (socketpair(AF_UNIX, number(args[1]), 0, pair) < 0)
		return denied(errno);
	return connect_unix(pair[0], args[0], 0);
}

ACT(do_pair_sendto)
{
	struct sockaddr_un address;
	socklen_t len = unix_address(&address, args[0], 0);
	int pair[2];

	if (socketpair(AF_UNIX, number(args[1]), 0, pair) < 0)
		return denied(errno);
	return judge(sendto(pair[0], "x", 1, 0, (struct sockaddr *)&address, len));
}

/* The descriptor that is standard input, a socket, is connected anew. */
ACT(do_stdin_connect)
{
	return connect_unix(0, args[0], 0);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)number(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

ACT(do_tcp)
{
	struct sockaddr_in address = loopback(args[0]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return denied(errno);
	return judge(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

ACT(do_tcp6)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)number(args[0])),
		.sin6_addr = in6addr_loopback};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		return denied(errno);
	return judge(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

ACT(do_fast_open)
{
	struct sockaddr_in address = loopback(args[0]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return denied(errno);
	return judge(
		sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address)));
}

ACT(do_udp)
{
	struct sockaddr_in address = loopback(args[0]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return denied(errno);
	return judge(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

ACT(do_bind)
{
	struct sockaddr_in address = loopback(args[0]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return denied(errno);
	return judge(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

ACT(do_listen)
{
	struct sockaddr_in address = loopback("0");
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return denied(errno);
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	return judge(listen(fd, 1));
}

static const struct act acts[] = {
	{"socket", do_socket, 3},
	{"socket_high", do_socket_high, 3},
	{"pair", do_pair, 2},
	{"unix", do_unix, 1},
	{"abstract", do_abstract, 1},
	{"pair_connect", do_pair_connect, 2},
	{"pair_sendto", do_pair_sendto, 2},
	{"stdin_connect", do_stdin_connect, 1},
	{"tcp", do_tcp, 1},
	{"tcp6", do_tcp6, 1},
	{"fast_open", do_fast_open, 1},
	{"udp", do_udp, 1},
	{"bind", do_bind, 1},
	{"listen", do_listen, 0},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
