/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a worker in a guest. To the worker it is the one of any jail (network.h): every
 * address is the loopback's, and leads to a socket that was made before the worker was. Here this
 * process is at the other end of these sockets, and passes on what comes over the channel to where
 * the same network is once more, with the egress proxy at its end. Nothing is decided here. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/control.h"
#include "egress/datagram.h"
#include "linux/control.h"
#include "linux/init/guest_parts.h"
#include "linux/init/network.h"
#include "vm/channel/connections.h"

#define STEP "network"
#define DNS 53
/* Those of the allowlist, as ports and as addresses of the loopback; names, all ports, the door. */
#define MOST_LISTENERS (2 * KS_MAX_ENDPOINTS + 8)
#define ACCEPT_TURN 16 /* connections before others have their turn */
#define BUFFER 65536 /* of a socket's, either way: the rest waits with whoever sends it */

union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static struct {
	struct connections connections;
	int listeners[MOST_LISTENERS];
	int watched[MOST_LISTENERS];
	size_t n_listeners;
	int names; /* UDP */
	int names_watched;
	struct {
		bool waits;
		struct datagram datagram;
	} questions[QUESTIONS];
	unsigned next_question;
} network = {.names = -1};

/* Each connection is a descriptor here, which one of the worker's is not. */
static int allow_descriptors(uint32_t at_once)
{
	const rlim_t count = GUEST_FIRST_FD + MOST_LISTENERS + at_once + 2 * CONNECTION_SLACK;
	const struct rlimit files = {count, count};

	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

/* Only what is used of it costs memory. */
int guest_network_make(
	uint32_t at_once, size_t own, struct pollfd **ret_watched, struct failure *failure)
{
	size_t most = own + at_once + CONNECTION_SLACK + MOST_LISTENERS + 1;
	int r;

	if (!at_once)
		return 0;
	r = connections_make(&network.connections, at_once);
	if (r == 0)
		r = allow_descriptors(at_once);
	if (r == 0) {
		*ret_watched = mmap(NULL, most * sizeof(**ret_watched), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		r = *ret_watched == MAP_FAILED ? -errno : 0;
	}
	return r < 0 ? failure_set(failure, -r, STEP, "room for its connections") : 0;
}

static int keep(int fd, uint32_t kind)
{
	int high = guest_raise(fd);

	if (high < 0 || network.n_listeners == MOST_LISTENERS)
		return -EMFILE;
	if (kind != EGRESS_SOCKET_DNS_UDP) {
		network.listeners[network.n_listeners++] = high;
		return 0;
	}
	datagram_prepare(high);
	network.names = high;
	return 0;
}

/* What would be the proxy's. */
static int take_sockets(int from)
{
	struct control_message message;
	int r;

	while ((r = control_receive(from, &message)) > 0) {
		size_t count = message.n_fds;
		uint32_t kinds[CONTROL_MAX_FDS];

		if (message.header.type != EGRESS_SOCKETS ||
			message.len != count * sizeof(kinds[0]))
			return -EBADMSG;
		memcpy(kinds, message.data, message.len);
		for (size_t i = 0; i < count; i++) {
			r = keep(message.fds[i], kinds[i]);
			if (r < 0)
				return r;
		}
	}
	return r == -EPIPE ? 0 : r;
}

int guest_network_open(const struct spec *spec, struct failure *failure)
{
	int pair[2];
	int r;

	if (!spec->ports)
		return 0;
	if (!network.connections.size)
		return failure_set(
			failure, EBADMSG, STEP, "the machine has room for no connection");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, STEP, "socketpair");
	pair[0] = guest_raise(pair[0]);
	if (pair[0] < 0 || dup2(pair[1], SLOT_EGRESS) < 0)
		return failure_set(failure, errno, STEP, "descriptors");
	if (pair[1] != SLOT_EGRESS)
		close(pair[1]);
	/* In its place is the namespace afterwards, by which the worker's init knows it. */
	r = network_open(spec, failure);
	if (r < 0)
		return r;
	r = take_sockets(pair[0]);
	close(pair[0]);
	return r < 0 ? failure_set(failure, -r, STEP, "its sockets") : 0;
}

/* Where the worker wanted to go. */
static bool destination(int fd, struct channel_place *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	union place place;
	socklen_t len = sizeof(place);

	memset(&place, 0, sizeof(place));
	*ret = (struct channel_place){.port = 0};
	if (getsockname(fd, &place.any, &len) < 0)
		return false;
	if (place.any.sa_family == AF_INET) {
		memcpy(ret->address, mapped, sizeof(mapped));
		memcpy(ret->address + sizeof(mapped), &place.four.sin_addr, 4);
		ret->port = ntohs(place.four.sin_port);
	} else {
		memcpy(ret->address, &place.six.sin6_addr, sizeof(ret->address));
		ret->port = ntohs(place.six.sin6_port);
	}
	return ret->port != 0;
}

/* As the proxy's own: nothing waits to be sent, and an urgent byte is one like any other. */
static void prepare(int fd)
{
	const int yes = 1;
	const int bytes = BUFFER;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* The reserve is for what belongs to no connection. */
static bool has_room(const struct outbox *outbox)
{
	return outbox_has_room(outbox, (size_t)2 * OUTBOX_RESERVE);
}

/* False: there is none, or no room for it. It waits in the backlog then. */
static bool accept_one(int listener, struct outbox *outbox)
{
	struct connection *connection = connections_free(&network.connections);
	struct channel_place place;
	int fd;

	if (!connection || !has_room(outbox))
		return false;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return false;
	if (!destination(fd, &place)) {
		close(fd);
		return true;
	}
	prepare(fd);
	connections_begin(&network.connections, connection, fd, false);
	return outbox_put(outbox, FRAME_OPEN, 0, connection->stream, &place, sizeof(place));
}

static void ask_one(
	const uint8_t *bytes, size_t len, const struct datagram *datagram, struct outbox *outbox)
{
	uint8_t payload[sizeof(struct channel_place) + DATAGRAM_MAX];
	struct channel_place place = {.port = DNS, .number = (uint16_t)network.next_question};

	if (!datagram_destination(datagram, place.address))
		return;
	memcpy(payload, &place, sizeof(place));
	memcpy(payload + sizeof(place), bytes, len);
	if (!outbox_put(
		    outbox, FRAME_ASK, 0, STREAM_SESSION, payload, (uint32_t)(sizeof(place) + len)))
		return;
	network.questions[place.number].waits = true;
	network.questions[place.number].datagram = *datagram;
	network.next_question = (network.next_question + 1) % QUESTIONS;
}

static void ask(struct outbox *outbox)
{
	uint8_t bytes[DATAGRAM_MAX + 1];
	struct datagram datagram;

	for (unsigned i = 0; i < QUESTIONS / 2 && has_room(outbox); i++) {
		ssize_t len = datagram_receive(network.names, &datagram, bytes, sizeof(bytes));

		if (len < 0 && errno == EAGAIN)
			return;
		/* An error is about an earlier answer; what is longer is no question. */
		if (len > 0 && (size_t)len <= DATAGRAM_MAX)
			ask_one(bytes, (size_t)len, &datagram, outbox);
	}
}

static bool take_answer(const uint8_t *payload, size_t len)
{
	struct channel_place place;

	memcpy(&place, payload, sizeof(place));
	if (place.number >= QUESTIONS || network.names < 0)
		return false;
	if (network.questions[place.number].waits)
		datagram_answer(network.names, &network.questions[place.number].datagram,
			payload + sizeof(place), len - sizeof(place));
	network.questions[place.number].waits = false;
	return true;
}

bool guest_network_take(const struct frame_header *header, const uint8_t *payload)
{
	struct connection *connection;

	if (header->type == FRAME_ANSWER)
		return take_answer(payload, header->len);
	connection = connections_find(&network.connections, header->stream);
	return connection && !connection_take(connection, header, payload);
}

size_t guest_network_watch(const struct outbox *outbox, struct pollfd *fds, size_t n)
{
	bool room = has_room(outbox);
	bool accepts = room && network.n_listeners && connections_free(&network.connections);

	for (size_t i = 0; i < network.n_listeners; i++) {
		network.watched[i] = accepts ? (int)n : -1;
		if (accepts)
			fds[n++] = (struct pollfd){network.listeners[i], POLLIN, 0};
	}
	network.names_watched = room && network.names >= 0 ? (int)n : -1;
	if (network.names_watched >= 0)
		fds[n++] = (struct pollfd){network.names, POLLIN, 0};
	return connections_watch(&network.connections, outbox, fds, n);
}

void guest_network_react(const struct pollfd *fds, struct outbox *outbox)
{
	connections_polled(&network.connections, fds, outbox);
	if (network.names_watched >= 0 && fds[network.names_watched].revents)
		ask(outbox);
	for (size_t i = 0; i < network.n_listeners; i++)
		if (network.watched[i] >= 0 && fds[network.watched[i]].revents)
			for (int k = 0; k < ACCEPT_TURN; k++)
				if (!accept_one(network.listeners[i], outbox))
					break;
}

void guest_network_speak(struct outbox *outbox)
{
	connections_speak(&network.connections, outbox);
}

static bool has_visitors(void)
{
	for (size_t i = 0; i < network.n_listeners; i++) {
		struct pollfd visitor = {.fd = network.listeners[i], .events = POLLIN};

		if (poll(&visitor, 1, 0) > 0)
			return true;
	}
	return false;
}

bool guest_network_is_quiet(void)
{
	for (uint32_t i = 0; i < network.connections.high; i++) {
		const struct connection *connection = &network.connections.items[i];

		if (connection->used && !connection->closed && !connection->end_told)
			return false;
	}
	return !has_visitors();
}
