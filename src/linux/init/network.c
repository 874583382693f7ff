/* SPDX-License-Identifier: Apache-2.0 */
/* The order is the security property: nothing leads anywhere before the sockets are there, no
 * program runs before they are handed over, and whatever fails ends the jail. Whoever makes the
 * jail inside of it may do so wrongly: init looks for itself where it is. */
#include "linux/init/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "egress/control.h"
#include "linux/control.h"
#include "linux/init/message.h"
#include "linux/init/native_parts.h"
#include "linux/init/raw.h"

#define OWN_NETWORK "/proc/thread-self/ns/net" /* a thread may have made it (native_beside.c) */
#define CONGESTION "/proc/sys/net/ipv4/tcp_congestion_control"
#define DNS 53
#define DOOR 1080 /* of SOCKS; HTTP CONNECT is understood there as well */

/* Sockets that are made and not yet handed over. */
struct sockets {
	int fds[EGRESS_MAX_SOCKETS];
	uint32_t kinds[EGRESS_MAX_SOCKETS];
	size_t count;
};

int network_enter(const struct spec *spec, struct failure *failure)
{
	const struct spec_ids ids = {geteuid(), getegid()};
	int r;

	if (spec->kernel_ids) {
		if (unshare(CLONE_NEWNET) < 0)
			return failure_set(failure, errno, "namespaces", "a network");
		return 0;
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return failure_set(failure, errno, "namespaces", "a network");
	/* The maps of a process that is not dumpable belong to root alone. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = ids_map_self(&ids, ids, failure);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r;
}

static int hand_over(struct sockets *sockets, struct failure *failure)
{
	int r = control_send(SLOT_EGRESS, EGRESS_SOCKETS, 0, sockets->kinds,
		sockets->count * sizeof(sockets->kinds[0]), sockets->fds, sockets->count);

	while (sockets->count)
		close(sockets->fds[--sockets->count]);
	return r < 0 ? failure_set(failure, -r, "network", "the egress proxy is gone") : 0;
}

/* Takes the descriptor, and hands over what has been gathered where there is no room left. */
static int keep(struct sockets *sockets, int fd, enum egress_socket kind, struct failure *failure)
{
	int r = sockets->count == EGRESS_MAX_SOCKETS ? hand_over(sockets, failure) : 0;

	if (r < 0) {
		close(fd);
		return r;
	}
	sockets->fds[sockets->count] = fd;
	sockets->kinds[sockets->count++] = kind;
	return 0;
}

static int make(struct sockets *sockets, int fd, enum egress_socket kind, const char *what,
	struct failure *failure)
{
	return fd < 0 ? failure_set(failure, -fd, "network", what)
		      : keep(sockets, fd, kind, failure);
}

static int listen_on_ports(
	const struct spec *spec, struct sockets *sockets, struct failure *failure)
{
	int r = 0;

	/* The names' port has its listener already. */
	for (size_t i = 0; r == 0 && i < spec->n_ports; i++)
		if (spec->ports[i] != DNS)
			r = make(sockets, network_listen(spec->ports[i], false), EGRESS_SOCKET_TCP,
				"a port of the allowlist", failure);
	return r;
}

/* One listener for all ports; where the kernel cannot divert to it, one for each that is listed. */
static int listen_for_all(const struct spec *spec, struct sockets *sockets, struct failure *failure)
{
	int fd = network_listen(0, true);
	int r = fd < 0 ? fd : network_divert(network_port(fd), failure);

	if (r == 0)
		return keep(sockets, fd, EGRESS_SOCKET_TCP, failure);
	if (fd < 0)
		return failure_set(failure, -fd, "network", "a transparent listener");
	close(fd);
	return r == -EOPNOTSUPP ? listen_on_ports(spec, sockets, failure) : r;
}

/* What the worker would reach on its own loopback, and the policy means the host's. */
static int listen_on_loopback(
	const struct spec *spec, struct sockets *sockets, struct failure *failure)
{
	const struct spec_loopback *local;
	size_t cursor = 0;
	int r = 0;

	while (r == 0 && (local = spec_next(spec, SPEC_LOOPBACK, &cursor))) {
		int fd = network_listen_at(local->address, (uint16_t)local->port);

		/* Of the proxy already: a listener of the port's on every address. */
		if (fd != -EADDRINUSE)
			r = make(sockets, fd, EGRESS_SOCKET_TCP,
				"an address of the loopback that is listed", failure);
	}
	return r;
}

/* Unless the policy has another use for the place. */
static int open_door(struct sockets *sockets, struct failure *failure)
{
	static const uint8_t home[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	int fd = network_listen_at(home, DOOR);

	if (fd == -EADDRINUSE)
		return 0;
	return make(sockets, fd, EGRESS_SOCKET_DOOR, "the door for programs that know of proxies",
		failure);
}

static int make_sockets(const struct spec *spec, struct sockets *sockets, struct failure *failure)
{
	int r = make(
		sockets, network_datagrams(DNS), EGRESS_SOCKET_DNS_UDP, "names over UDP", failure);

	if (r == 0)
		r = make(sockets, network_listen(DNS, false), EGRESS_SOCKET_DNS_TCP,
			"names over TCP", failure);
	if (r == 0)
		r = listen_for_all(spec, sockets, failure);
	if (r == 0)
		r = listen_on_loopback(spec, sockets, failure);
	if (r == 0)
		r = open_door(sockets, failure);
	return r == 0 && sockets->count ? hand_over(sockets, failure) : r;
}

/* The proxy takes the end of the socket for: there will be no more. In its place comes what init
 * knows the namespace by. */
static int leave_mark(struct failure *failure)
{
	int fd = open(OWN_NETWORK, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 || dup2(fd, SLOT_EGRESS) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (r < 0)
		close(SLOT_EGRESS);
	return r < 0 ? failure_set(failure, -r, "network", OWN_NETWORK) : 0;
}

int network_check(const struct spec *spec, struct failure *failure)
{
	struct stat prepared, own;
	struct statfs fs;

	if (!spec->ports)
		return 0;
	if (fstat(SLOT_EGRESS, &prepared) < 0 || fstatfs(SLOT_EGRESS, &fs) < 0)
		return failure_set(failure, errno, "network", "the mark of the prepared one");
	if (stat(OWN_NETWORK, &own) < 0)
		return failure_set(failure, errno, "network", OWN_NETWORK);
	if (fs.f_type != NSFS_MAGIC || prepared.st_dev != own.st_dev ||
		prepared.st_ino != own.st_ino)
		return failure_set(failure, ESTALE, "network",
			"this is another one than that which leads to the egress proxy");
	return 0;
}

int network_say_ready(const struct spec *spec)
{
	const int mark = SLOT_EGRESS;
	int r = control_send(SLOT_INIT, CONTROL_READY, 0, NULL, 0, &mark, spec->ports ? 1 : 0);

	if (spec->ports)
		close(mark);
	return r;
}

/* Nothing is lost on a loopback, and no host that it could be fair to is asked for a share: the
 * host's choice, which may be one that paces what is sent, holds outside. Only for speed. */
static void settle_congestion(void)
{
	static const char choice[] = "reno";
	int fd = raw_open(AT_FDCWD, CONGESTION, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	raw_write(fd, choice, sizeof(choice) - 1);
	raw_close(fd);
}

int network_open(const struct spec *spec, struct failure *failure)
{
	struct sockets sockets = {.count = 0};
	int r = network_route_all(failure);

	settle_congestion();
	if (r == 0)
		r = make_sockets(spec, &sockets, failure);
	while (sockets.count)
		close(sockets.fds[--sockets.count]);
	if (r == 0)
		return leave_mark(failure);
	close(SLOT_EGRESS);
	return r;
}
