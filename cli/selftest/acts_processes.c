/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes, and everything that one can connect to. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/selftest/selftest.h"

#define ANSWER_MS 1000

static int outcome_of(long result)
{
	return result < 0 ? -errno : 0;
}

static int see_process(const struct stage *stage)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)stage->victim);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int signal_process(const struct stage *stage)
{
	return outcome_of(kill(stage->victim, 0));
}

static int trace_process(const struct stage *stage)
{
	if (ptrace(PTRACE_ATTACH, stage->victim, 0, 0) < 0)
		return -errno;
	waitpid(stage->victim, NULL, __WALL);
	ptrace(PTRACE_DETACH, stage->victim, 0, 0);
	return 0;
}

static int read_memory(const struct stage *stage)
{
	char byte;
	const struct iovec here = {&byte, 1}, there = {&byte, 1};

	/* Of the same program: what is not mapped there is another complaint than of a right. */
	if (process_vm_readv(stage->victim, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
		return 0;
	return -errno;
}

static int open_process(const struct stage *stage)
{
	int fd = (int)syscall(SYS_pidfd_open, stage->victim, 0);
	int r = fd < 0 ? -errno : outcome_of(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));

	if (fd >= 0)
		close(fd);
	return r;
}

/* Which needs the right to trace it; that one is not open is found out after that. */
static int take_descriptor(const struct stage *stage)
{
	int fd = (int)syscall(SYS_pidfd_open, stage->victim, 0);
	int got = fd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, fd, STDIN_FILENO, 0);
	int r = got < 0 && errno != EBADF ? -errno : 0;

	if (fd < 0)
		r = -ESRCH;
	else
		close(fd);
	if (got >= 0)
		close(got);
	return r;
}

static int take_segment(const struct stage *stage)
{
	void *memory = shmat(stage->shm, NULL, SHM_RDONLY);

	if (memory == (void *)-1) /* NOLINT(performance-no-int-to-ptr): shmat's own word */
		return -errno;
	shmdt(memory);
	return 0;
}

/* Only an answer says that somebody was reached: a proxy takes every connection. */
static int await_answer(int fd)
{
	struct pollfd answer = {.fd = fd, .events = POLLIN};
	char byte;

	if (poll(&answer, 1, ANSWER_MS) <= 0)
		return -ETIMEDOUT;
	switch (recv(fd, &byte, 1, 0)) {
	case 1:
		return 0;
	case 0:
		return -ECONNRESET;
	default:
		return -errno;
	}
}

static int talk_to(int kind, const void *address, socklen_t len, int family)
{
	int fd = socket(family, kind | SOCK_CLOEXEC, 0);
	int r = outcome_of(fd);

	if (r < 0)
		return r;
	r = outcome_of(connect(fd, address, len));
	/* Of a stream it is the answer that comes first. */
	if (r == 0 && kind == SOCK_DGRAM)
		r = outcome_of(send(fd, "?", 1, MSG_NOSIGNAL));
	if (r == 0)
		r = await_answer(fd);
	close(fd);
	return r;
}

static int talk_inet(const struct stage *stage, int kind)
{
	const struct sockaddr_in place = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)stage->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return talk_to(kind, &place, sizeof(place), AF_INET);
}

static int connect_tcp(const struct stage *stage)
{
	return talk_inet(stage, SOCK_STREAM);
}

/* A connection by the call that sends, past a filter of connect(). */
static int send_fast_open(const struct stage *stage)
{
	const struct sockaddr_in place = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)stage->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = outcome_of(fd);

	if (r < 0)
		return r;
	r = outcome_of(sendto(fd, "?", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
		(const struct sockaddr *)&place, sizeof(place)));
	if (r == 0)
		r = await_answer(fd);
	close(fd);
	return r;
}

static int send_udp(const struct stage *stage)
{
	return talk_inet(stage, SOCK_DGRAM);
}

static int connect_unix(const struct stage *stage)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};

	snprintf(place.sun_path, sizeof(place.sun_path), "%s/socket", stage->directory);
	return talk_to(SOCK_STREAM, &place, sizeof(place), AF_UNIX);
}

static int connect_abstract(const struct stage *stage)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	int len = snprintf(place.sun_path + 1, sizeof(place.sun_path) - 1, "kastellan-selftest-%d",
		stage->port);

	return talk_to(SOCK_STREAM, &place,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len), AF_UNIX);
}

static int make_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	int r = outcome_of(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

static int socket_netlink(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int socket_packet(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_PACKET, SOCK_RAW, 0x300);
}

static int socket_raw(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int socket_multipath(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
}

static int socket_vsock(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_VSOCK, SOCK_STREAM, 0);
}

static int socket_alg(const struct stage *stage)
{
	(void)stage;
	return make_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

const struct act acts_processes[] = {{"see-process", "read the arguments of another process",
					     "profile", UNLESS_NOTHING, see_process},
	{"signal-process", "signal another process", "profile", UNLESS_NOTHING, signal_process},
	{"trace-process", "trace another process", "profile", UNLESS_NOTHING, trace_process},
	{"read-memory", "read the memory of another process", "profile", UNLESS_NOTHING,
		read_memory},
	{"open-process", "signal another process by a descriptor", "profile", UNLESS_NOTHING,
		open_process},
	{"take-descriptor", "take an open descriptor of another process", "profile", UNLESS_NOTHING,
		take_descriptor},
	{"shared-memory", "attach System V memory of the host", "profile", UNLESS_NOTHING,
		take_segment},
	{"connect-tcp", "talk to a TCP service of the host", "net", UNLESS_NETWORK, connect_tcp},
	{"send-fast-open", "connect to it by sending", "net", UNLESS_NETWORK, send_fast_open},
	{"send-udp", "talk to a UDP service of the host", "net", UNLESS_NETWORK, send_udp},
	{"connect-unix", "talk to a service of the host by its socket's path", "net",
		UNLESS_NO_PLACE, connect_unix},
	{"connect-abstract", "talk to a service of the host by an abstract name", "net",
		UNLESS_NOTHING, connect_abstract},
	{"socket-netlink", "open a netlink socket", "net", UNLESS_NETWORK, socket_netlink},
	{"socket-packet", "open a packet socket", "net", UNLESS_NOTHING, socket_packet},
	{"socket-raw", "open a raw socket", "net", UNLESS_NOTHING, socket_raw},
	{"socket-multipath", "open a socket of multipath TCP", "net", UNLESS_NOTHING,
		socket_multipath},
	{"socket-vsock", "open a socket to a hypervisor", "net", UNLESS_NOTHING, socket_vsock},
	{"socket-alg", "open a socket to the kernel's cryptography", "net", UNLESS_NOTHING,
		socket_alg},
	{0}};
