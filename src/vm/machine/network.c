/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP "network"
#define DNS 53

union endpoint_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

int network_make(struct network *network, uint32_t at_once, struct failure *failure)
{
	int r = at_once ? connections_make(&network->connections, at_once) : 0;

	for (size_t i = 0; i < QUESTIONS; i++)
		network->questions[i] = (struct question){-1, -1};
	return r < 0 ? failure_set(failure, -r, STEP, "room for its connections") : 0;
}

size_t network_most(uint32_t at_once)
{
	return at_once ? (size_t)at_once + CONNECTION_SLACK + QUESTIONS : 0;
}

/* A socket that is connected to there, or on its way; -errno. */
static int dial(const struct channel_place *place, int type)
{
	union endpoint_address to = {
		.six = {.sin6_family = AF_INET6, .sin6_port = htons(place->port)}};
	socklen_t len = sizeof(to.six);
	int fd, r;

	memcpy(&to.six.sin6_addr, place->address, sizeof(to.six.sin6_addr));
	if (IN6_IS_ADDR_V4MAPPED(&to.six.sin6_addr)) {
		to = (union endpoint_address){
			.four = {.sin_family = AF_INET, .sin_port = htons(place->port)}};
		memcpy(&to.four.sin_addr, place->address + 12, sizeof(to.four.sin_addr));
		len = sizeof(to.four);
	}
	fd = socket(to.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, &to.any, len) == 0 || errno == EINPROGRESS)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static const char *open_connection(
	struct network *network, const struct frame_header *header, const uint8_t *payload)
{
	struct connection *connection = connections_find(&network->connections, header->stream);
	const int yes = 1;
	struct channel_place place;
	int fd;

	memcpy(&place, payload, sizeof(place));
	if (!connection)
		return "there is no such connection";
	if (connection->used)
		return "it is there already";
	if (place.port == 0 || place.number)
		return "it leads to no port";
	fd = dial(&place, SOCK_STREAM);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connections_begin(&network->connections, connection, fd < 0 ? -1 : fd, fd >= 0);
	return NULL;
}

static void forget(struct question *question)
{
	if (question->fd >= 0)
		close(question->fd);
	*question = (struct question){-1, -1};
}

/* One that cannot be sent is lost, as datagrams may be. */
static const char *ask(struct network *network, const uint8_t *payload, size_t len)
{
	struct channel_place place;
	struct question *question;

	memcpy(&place, payload, sizeof(place));
	if (!network->connections.size)
		return "the machine has no network";
	if (place.number >= QUESTIONS)
		return "no question has that number";
	if (place.port != DNS)
		return "it leads to another port than that of names";
	question = &network->questions[place.number];
	forget(question);
	question->fd = dial(&place, SOCK_DGRAM);
	if (question->fd >= 0 && send(question->fd, payload + sizeof(place), len - sizeof(place),
					 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		forget(question);
	if (question->fd < 0)
		forget(question);
	return NULL;
}

const char *network_take(
	struct network *network, const struct frame_header *header, const uint8_t *payload)
{
	struct connection *connection;

	if (header->type == FRAME_ASK)
		return ask(network, payload, header->len);
	if (header->type == FRAME_OPEN)
		return open_connection(network, header, payload);
	connection = connections_find(&network->connections, header->stream);
	return connection ? connection_take(connection, header, payload)
			  : "there is no such connection";
}

static bool has_room(const struct outbox *outbox)
{
	return outbox && outbox_has_room(outbox, (size_t)2 * OUTBOX_RESERVE);
}

size_t network_watch(
	struct network *network, const struct outbox *outbox, struct pollfd *fds, size_t n)
{
	bool listens = has_room(outbox);

	if (!network->connections.size)
		return n;
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct question *question = &network->questions[i];

		question->watched = listens && question->fd >= 0 ? (int)n : -1;
		if (question->watched >= 0)
			fds[n++] = (struct pollfd){question->fd, POLLIN, 0};
	}
	return connections_watch(&network->connections, outbox, fds, n);
}

static void pass_answer(struct question *question, size_t number, struct outbox *outbox)
{
	const struct channel_place place = {.number = (uint16_t)number};
	uint8_t payload[sizeof(place) + DATAGRAM_MAX];
	ssize_t len = recv(question->fd, payload + sizeof(place), DATAGRAM_MAX, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	memcpy(payload, &place, sizeof(place));
	if (len > 0)
		outbox_put(outbox, FRAME_ANSWER, 0, STREAM_SESSION, payload,
			(uint32_t)(sizeof(place) + (size_t)len));
	forget(question);
}

void network_react(struct network *network, const struct pollfd *fds, struct outbox *outbox)
{
	if (!network->connections.size)
		return;
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct question *question = &network->questions[i];

		if (question->fd >= 0 && question->watched >= 0 && has_room(outbox) &&
			fds[question->watched].revents)
			pass_answer(question, i, outbox);
	}
	connections_polled(&network->connections, fds, outbox);
}

void network_speak(struct network *network, struct outbox *outbox)
{
	connections_speak(&network->connections, outbox);
}

bool network_holds(const struct network *network)
{
	for (uint32_t i = 0; i < network->connections.high; i++) {
		const struct connection *connection = &network->connections.items[i];

		if (connection->used && connection->fd >= 0 &&
			(connection->connecting || ring_len(&connection->ring) > 0))
			return true;
	}
	return false;
}

void network_end(struct network *network)
{
	for (uint32_t i = 0; i < network->connections.high; i++)
		if (!network->connections.items[i].shut)
			connection_cut(&network->connections.items[i]);
}
