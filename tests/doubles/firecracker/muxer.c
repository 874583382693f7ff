/* SPDX-License-Identifier: Apache-2.0 */
#include "muxer.h"

#include <errno.h>
#include <linux/virtio_vsock.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST 2 /* the host's number as a machine */
#define UPDATE_BELOW 4096u /* room that the guest knows of */
#define PIECE 65536u

void muxer_init(struct muxer *muxer, const char *path, uint64_t cid)
{
	*muxer = (struct muxer){.path = path, .cid = cid};
	for (int i = 0; i < MUXER_CONNECTIONS; i++)
		muxer->connections[i].fd = -1;
}

static struct connection *find(struct muxer *muxer, uint32_t host_port, uint32_t guest_port)
{
	for (int i = 0; i < MUXER_CONNECTIONS; i++) {
		struct connection *one = &muxer->connections[i];

		if (one->fd >= 0 && one->host_port == host_port && one->guest_port == guest_port)
			return one;
	}
	return NULL;
}

static void drop(struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
}

static void refuse(struct muxer *muxer, uint32_t host_port, uint32_t guest_port)
{
	if (muxer->n_refused == MUXER_CONNECTIONS)
		return;
	muxer->refused[muxer->n_refused].host_port = host_port;
	muxer->refused[muxer->n_refused++].guest_port = guest_port;
}

static int dial(const char *path, uint32_t port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s_%u", path, port);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void take_request(struct muxer *muxer, const struct virtio_vsock_hdr *header)
{
	int fd = dial(muxer->path, header->dst_port);

	for (int i = 0; fd >= 0 && i < MUXER_CONNECTIONS; i++) {
		struct connection *one = &muxer->connections[i];

		if (one->fd >= 0)
			continue;
		memset(one, 0, offsetof(struct connection, buffer));
		one->fd = fd;
		one->host_port = header->dst_port;
		one->guest_port = header->src_port;
		one->peer_room = header->buf_alloc;
		one->peer_taken = header->fwd_cnt;
		one->answers = true;
		return;
	}
	if (fd >= 0)
		close(fd);
	refuse(muxer, header->dst_port, header->src_port);
}

/* To the host, as far as it takes it. */
static void pass_on(struct connection *connection)
{
	while (connection->start < connection->end) {
		ssize_t len = send(connection->fd, connection->buffer + connection->start,
			connection->end - connection->start, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (len < 0 && errno != EAGAIN && errno != EINTR)
			connection->resets = true;
		if (len < 0)
			break;
		connection->start += (size_t)len;
		connection->taken += (uint32_t)len;
	}
	if (connection->start == connection->end)
		connection->start = connection->end = 0;
	if (connection->guest_is_done && connection->start == connection->end)
		connection->resets = true;
	connection->updates |=
		MUXER_BUFFER - (connection->end - connection->start) > UPDATE_BELOW &&
		connection->taken - connection->told > MUXER_BUFFER - UPDATE_BELOW - 1;
}

/* More than the room that the guest was told of is the end, as in the original. */
static void take_data(struct connection *connection, const struct chain *chain, uint32_t len)
{
	memmove(connection->buffer, connection->buffer + connection->start,
		connection->end - connection->start);
	connection->end -= connection->start;
	connection->start = 0;
	if (len > MUXER_BUFFER - connection->end ||
		chain_read(chain, sizeof(struct virtio_vsock_hdr),
			connection->buffer + connection->end, len) != len) {
		connection->resets = true;
		return;
	}
	connection->end += len;
	pass_on(connection);
}

static void take_packet(struct muxer *muxer, const struct chain *chain)
{
	struct virtio_vsock_hdr header;
	struct connection *connection;

	if (chain_read(chain, 0, &header, sizeof(header)) != sizeof(header) ||
		header.dst_cid != HOST)
		return;
	connection = find(muxer, header.dst_port, header.src_port);
	if (!connection && header.op == VIRTIO_VSOCK_OP_REQUEST &&
		header.type == VIRTIO_VSOCK_TYPE_STREAM)
		take_request(muxer, &header);
	else if (!connection && header.op != VIRTIO_VSOCK_OP_RST)
		refuse(muxer, header.dst_port, header.src_port);
	if (!connection)
		return;
	connection->peer_room = header.buf_alloc;
	connection->peer_taken = header.fwd_cnt;
	switch (header.op) {
	case VIRTIO_VSOCK_OP_RST:
		drop(connection);
		break;
	case VIRTIO_VSOCK_OP_RW:
		take_data(connection, chain, header.len);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		connection->updates = true;
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		/* Of half a shutdown no guest of ours makes use. */
		connection->guest_is_done |= header.flags == (VIRTIO_VSOCK_SHUTDOWN_RCV |
								     VIRTIO_VSOCK_SHUTDOWN_SEND);
		pass_on(connection);
		break;
	default:
		break;
	}
}

static void fill(const struct muxer *muxer, struct virtio_vsock_hdr *ret, uint16_t op,
	uint32_t host_port, uint32_t guest_port)
{
	*ret = (struct virtio_vsock_hdr){.src_cid = HOST,
		.dst_cid = muxer->cid,
		.src_port = host_port,
		.dst_port = guest_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op};
}

static uint32_t credit(const struct connection *connection)
{
	uint32_t under_way = connection->sent - connection->peer_taken;

	return under_way < connection->peer_room ? connection->peer_room - under_way : 0;
}

/* Of what the host has to say; the operation that it comes to. 0: nothing. */
static uint16_t read_host(
	struct connection *connection, uint8_t *bytes, size_t room, uint32_t *ret_len)
{
	ssize_t len;

	if (connection->closed || credit(connection) == 0)
		return 0;
	if (room > credit(connection))
		room = credit(connection);
	len = recv(connection->fd, bytes, room, MSG_DONTWAIT);
	if (len > 0) {
		*ret_len = (uint32_t)len;
		connection->sent += (uint32_t)len;
		return VIRTIO_VSOCK_OP_RW;
	}
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	connection->closed = true;
	return VIRTIO_VSOCK_OP_SHUTDOWN;
}

static uint16_t due(struct connection *connection, uint8_t *bytes, size_t room, uint32_t *ret_len)
{
	if (connection->resets)
		return VIRTIO_VSOCK_OP_RST;
	if (connection->answers) {
		connection->answers = false;
		return VIRTIO_VSOCK_OP_RESPONSE;
	}
	if (connection->updates) {
		connection->updates = false;
		return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	}
	return read_host(connection, bytes, room, ret_len);
}

/* Into one chain of the guest's; false: this one has nothing to say. */
static bool speak(struct muxer *muxer, struct connection *connection, const struct chain *chain,
	uint32_t *ret_len)
{
	static uint8_t bytes[PIECE];
	struct virtio_vsock_hdr header;
	size_t room = chain_room(chain) - sizeof(header);
	uint32_t len = 0;
	uint16_t op = due(connection, bytes, room < PIECE ? room : PIECE, &len);

	if (!op)
		return false;
	fill(muxer, &header, op, connection->host_port, connection->guest_port);
	header.len = len;
	header.buf_alloc = MUXER_BUFFER;
	header.fwd_cnt = connection->told = connection->taken;
	if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		header.flags = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;
	chain_write(chain, 0, &header, sizeof(header));
	chain_write(chain, sizeof(header), bytes, len);
	*ret_len = (uint32_t)sizeof(header) + len;
	if (op == VIRTIO_VSOCK_OP_RST)
		drop(connection);
	return true;
}

static bool speak_any(struct muxer *muxer, const struct chain *chain, uint32_t *ret_len)
{
	struct virtio_vsock_hdr header;

	if (muxer->n_refused) {
		muxer->n_refused--;
		fill(muxer, &header, VIRTIO_VSOCK_OP_RST,
			muxer->refused[muxer->n_refused].host_port,
			muxer->refused[muxer->n_refused].guest_port);
		*ret_len = (uint32_t)chain_write(chain, 0, &header, sizeof(header));
		return true;
	}
	for (int i = 0; i < MUXER_CONNECTIONS; i++)
		if (muxer->connections[i].fd >= 0 &&
			speak(muxer, &muxer->connections[i], chain, ret_len))
			return true;
	return false;
}

static void serve_guest(struct muxer *muxer, struct vhost *vhost)
{
	struct queue *from = &vhost->queues[QUEUE_FROM_GUEST];
	struct queue *to = &vhost->queues[QUEUE_TO_GUEST];
	struct chain chain;
	bool took = false;
	bool gave = false;

	while (queue_take(from, &vhost->memory, &chain)) {
		take_packet(muxer, &chain);
		queue_give(from, &chain, 0);
		took = true;
	}
	while (queue_has(to)) {
		uint16_t before = to->next;
		uint32_t len = 0;

		if (!queue_take(to, &vhost->memory, &chain))
			break;
		if (!speak_any(muxer, &chain, &len)) {
			to->next = before;
			break;
		}
		queue_give(to, &chain, len);
		gave = true;
	}
	if (took)
		queue_tell(from);
	if (gave)
		queue_tell(to);
}

/* Bytes that the guest has no room for are left where they are. */
void muxer_watch(
	const struct muxer *muxer, const struct vhost *vhost, struct pollfd fds[MUXER_CONNECTIONS])
{
	bool room = queue_has(&vhost->queues[QUEUE_TO_GUEST]);

	for (int i = 0; i < MUXER_CONNECTIONS; i++) {
		const struct connection *one = &muxer->connections[i];
		bool reads = room && one->fd >= 0 && !one->closed && credit(one) > 0;
		bool writes = one->fd >= 0 && one->start < one->end;

		fds[i] = (struct pollfd){reads || writes ? one->fd : -1,
			(short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0};
	}
}

void muxer_react(
	struct muxer *muxer, struct vhost *vhost, const struct pollfd fds[MUXER_CONNECTIONS])
{
	for (int i = 0; i < MUXER_CONNECTIONS; i++)
		if (fds[i].revents & (POLLOUT | POLLERR) && muxer->connections[i].fd >= 0)
			pass_on(&muxer->connections[i]);
	serve_guest(muxer, vhost);
}
