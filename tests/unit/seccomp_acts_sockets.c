/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets, and the ways from a pair to a socket of the host. Run in an empty directory, in which
 * "stream", "seqpacket" and "datagram" are such sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "seccomp_acts.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static int socket_of(int family, int type, int protocol)
{
	return answer(socket(family, type, protocol));
}

static int act_unix(void)
{
	return socket_of(AF_UNIX, SOCK_STREAM, 0);
}

static int act_inet(void)
{
	return socket_of(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

static int act_inet_udp(void)
{
	return socket_of(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static int act_raw(void)
{
	return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int act_mptcp(void)
{
	return socket_of(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static int act_netlink(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW, 0);
}

static int pair_of(int type, int pair[2])
{
	return answer(socketpair(AF_UNIX, type, 0, pair));
}

static int act_datagram_pair(void)
{
	int pair[2];

	return pair_of(SOCK_DGRAM, pair);
}

static int act_raw_pair(void)
{
	int pair[2];

	return pair_of(SOCK_RAW, pair);
}

static int act_stream_pair(void)
{
	int pair[2];
	char byte = 'x';
	int error = pair_of(SOCK_STREAM | SOCK_CLOEXEC, pair);

	if (error)
		return error;
	return answer(sendto(pair[0], &byte, 1, MSG_NOSIGNAL, NULL, 0));
}

static struct sockaddr_un host_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

static int connect_pair(int type, const char *path)
{
	struct sockaddr_un address = host_socket(path);
	int pair[2];
	int error = pair_of(type, pair);

	if (error)
		return error;
	return answer(connect(pair[0], (void *)&address, sizeof(address)));
}

static int act_connect_datagram_pair(void)
{
	return connect_pair(SOCK_DGRAM, "datagram");
}

static int act_connect_stream_pair(void)
{
	return connect_pair(SOCK_STREAM, "stream");
}

static int act_connect_seqpacket_pair(void)
{
	return connect_pair(SOCK_SEQPACKET, "seqpacket");
}

/* The pair's other end is gone and the socket shut down: still it is no fresh socket. */
static int act_connect_used_pair(void)
{
	struct sockaddr_un address = host_socket("stream");
	struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	int pair[2];
	int error = pair_of(SOCK_STREAM, pair);

	if (error)
		return error;
	close(pair[1]);
	shutdown(pair[0], SHUT_RDWR);
	if (connect(pair[0], &nothing, sizeof(nothing)) == 0)
		return EPROTO;
	return answer(connect(pair[0], (void *)&address, sizeof(address)));
}

static int act_send_to_host(void)
{
	struct sockaddr_un address = host_socket("datagram");
	char byte = 'x';
	int pair[2];
	int error = pair_of(SOCK_DGRAM, pair);

	if (error)
		return error;
	return answer(sendto(pair[0], &byte, 1, 0, (void *)&address, sizeof(address)));
}

/* A seqpacket pair takes an address and ignores it: the peer gets the message. */
static int act_send_past_seqpacket_peer(void)
{
	struct sockaddr_un address = host_socket("seqpacket");
	char byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &data,
		.msg_iovlen = 1};
	int pair[2];
	int error = pair_of(SOCK_SEQPACKET, pair);

	if (error)
		return error;
	if (sendmsg(pair[0], &message, 0) < 0)
		return errno;
	return recv(pair[1], &byte, 1, MSG_DONTWAIT) == 1 ? 0 : EPROTO;
}

static int loopback_socket(int type, struct sockaddr_in *ret_address)
{
	*ret_address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	return socket(AF_INET, type, 0);
}

static int act_fast_open(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_STREAM, &address);

	if (fd < 0)
		return errno;
	return answer(
		sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&address, sizeof(address)));
}

static int act_fast_open_message(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_STREAM, &address);
	char byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &data,
		.msg_iovlen = 1};

	if (fd < 0)
		return errno;
	return answer(sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL));
}

static int act_listen(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_STREAM, &address);

	return fd < 0 ? errno : answer(listen(fd, 1));
}

static int act_bind_udp(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_DGRAM, &address);

	if (fd < 0)
		return errno;
	address.sin_port = 0;
	return answer(bind(fd, (void *)&address, sizeof(address)));
}

static int act_connect_tcp(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_STREAM, &address);

	return fd < 0 ? errno : answer(connect(fd, (void *)&address, sizeof(address)));
}

static int act_upper_layer(void)
{
	struct sockaddr_in address;
	int fd = loopback_socket(SOCK_STREAM, &address);

	return fd < 0 ? errno : answer(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
}

const struct seccomp_act socket_acts[] = {
	{"unix socket", act_unix, UNDER_BOTH, EAFNOSUPPORT, {0}},
	{"TCP socket", act_inet, UNDER_STRICT, EAFNOSUPPORT, {0}},
	{"UDP socket", act_inet_udp, UNDER_STRICT, EAFNOSUPPORT, {0}},
	{"raw socket", act_raw, UNDER_NET, EPROTONOSUPPORT, {0, EPERM}},
	{"MPTCP socket", act_mptcp, UNDER_NET, EPROTONOSUPPORT, {0, EINVAL, ENOPROTOOPT}},
	{"netlink socket", act_netlink, UNDER_BOTH, EAFNOSUPPORT, {0}},
	{"datagram pair", act_datagram_pair, UNDER_BOTH, ESOCKTNOSUPPORT, {0}},
	{"raw pair", act_raw_pair, UNDER_BOTH, ESOCKTNOSUPPORT, {0}},
	{"datagram pair to a host's socket", act_connect_datagram_pair, UNDER_BOTH, ESOCKTNOSUPPORT,
		{0}},
	{"message from a pair to a host's socket", act_send_to_host, UNDER_BOTH, ESOCKTNOSUPPORT,
		{0}},
	{"stream pair to a host's socket", act_connect_stream_pair, UNDER_STRICT, EPERM, {EISCONN}},
	{"seqpacket pair to a host's socket", act_connect_seqpacket_pair, UNDER_STRICT, EPERM,
		{EISCONN}},
	{"fast open by sendto", act_fast_open, UNDER_NET, EOPNOTSUPP,
		{ECONNREFUSED, ENETUNREACH, ECONNRESET}},
	{"fast open by sendmsg", act_fast_open_message, UNDER_NET, EOPNOTSUPP,
		{ECONNREFUSED, ENETUNREACH, ECONNRESET}},
	{"listen", act_listen, UNDER_NET, EPERM, {0}},
	{"TCP_ULP", act_upper_layer, UNDER_NET, ENOPROTOOPT, {ENOTCONN, ENOENT}},
	/* The kernel itself is the wall here: these have no other answer without a filter. */
	{"stream pair, connected", act_connect_stream_pair, UNDER_NET, EISCONN, {EISCONN}},
	{"seqpacket pair, connected", act_connect_seqpacket_pair, UNDER_NET, EISCONN, {EISCONN}},
	{"stream pair, used up", act_connect_used_pair, UNDER_NET, EISCONN, {EISCONN}},
	{"seqpacket pair ignores addresses", act_send_past_seqpacket_peer, UNDER_BOTH, 0, {0}},
	/* The filter must not be what stops these. */
	{"stream pair", act_stream_pair, UNDER_BOTH, 0, {0}},
	{"TCP socket for a client", act_inet, UNDER_NET, 0, {0}},
	{"UDP socket for a client", act_inet_udp, UNDER_NET, 0, {0}},
	{"UDP port for a client", act_bind_udp, UNDER_NET, 0, {0}},
	{"TCP connection", act_connect_tcp, UNDER_NET, ECONNREFUSED, {ECONNREFUSED}},
};
const size_t socket_act_count = sizeof(socket_acts) / sizeof(socket_acts[0]);
