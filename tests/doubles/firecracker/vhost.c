/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost.h"

#include <linux/virtio_config.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* docs/interop/vhost-user.rst of QEMU. */
enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};

#define VERSION 1u
#define IS_REPLY (1u << 2)
#define HAS_PROTOCOL_FEATURES (1ull << 30)
#define HAS_CONFIG (1ull << 9)
#define NO_DESCRIPTOR (1u << 8)

struct region {
	uint64_t guest;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t number;
		struct {
			uint32_t index;
			uint32_t value;
		} state;
		struct {
			uint32_t index;
			uint32_t flags;
			uint64_t descriptors;
			uint64_t used;
			uint64_t available;
			uint64_t log;
		} address;
		struct {
			uint32_t n;
			uint32_t zero;
			struct region regions[MEMORY_REGIONS];
		} memory;
		struct {
			uint32_t offset;
			uint32_t size;
			uint32_t flags;
			uint8_t bytes[256];
		} config;
	} body;
} __attribute__((packed));

#define HEAD offsetof(struct message, body)

static int take_fds(struct msghdr *from, int fds[MEMORY_REGIONS])
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(from);
	size_t n = head && head->cmsg_type == SCM_RIGHTS
			   ? (head->cmsg_len - CMSG_LEN(0)) / sizeof(int)
			   : 0;

	if (n)
		memcpy(fds, CMSG_DATA(head), n * sizeof(int));
	return (int)n;
}

/* The number of descriptors, or -1. */
static int receive(int front, struct message *ret, int fds[MEMORY_REGIONS])
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MEMORY_REGIONS)];
	} control;
	struct iovec part = {ret, HEAD};
	struct msghdr from = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t len;

	memset(ret, 0, sizeof(*ret));
	len = recvmsg(front, &from, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	if (len != (ssize_t)HEAD || ret->size > sizeof(ret->body) ||
		(ret->size && recv(front, &ret->body, ret->size, MSG_WAITALL) != ret->size))
		return -1;
	return take_fds(&from, fds);
}

static bool reply(int front, struct message *message, uint32_t size)
{
	message->flags = VERSION | IS_REPLY;
	message->size = size;
	return send(front, message, HEAD + size, MSG_NOSIGNAL) == (ssize_t)(HEAD + size);
}

static bool answer_number(int front, struct message *message, uint64_t number)
{
	message->body.number = number;
	return reply(front, message, sizeof(number));
}

/* A queue lies where its guest has put it; the mapping of that may have changed. */
static bool find_queue(struct vhost *vhost, unsigned index)
{
	struct queue *queue = &vhost->queues[index];
	const struct memory *memory = &vhost->memory;
	size_t n = queue->size;

	if (!vhost->places[index].descriptors)
		return true;
	queue->descriptors = memory_at(
		memory, vhost->places[index].descriptors, n * sizeof(struct vring_desc), true);
	queue->available = memory_at(memory, vhost->places[index].available,
		sizeof(struct vring_avail) + n * sizeof(uint16_t), true);
	queue->used = memory_at(memory, vhost->places[index].used,
		sizeof(struct vring_used) + n * sizeof(struct vring_used_elem), true);
	return queue->descriptors && queue->available && queue->used;
}

static void forget_memory(struct memory *memory)
{
	for (unsigned i = 0; i < memory->n; i++)
		munmap(memory->regions[i].here, memory->regions[i].size);
	memory->n = 0;
}

static bool set_memory(
	struct vhost *vhost, const struct message *message, const int *fds, int n_fds)
{
	struct memory *memory = &vhost->memory;

	forget_memory(memory);
	if (message->body.memory.n > MEMORY_REGIONS || (int)message->body.memory.n != n_fds)
		return false;
	for (int i = 0; i < n_fds; i++) {
		struct region region = message->body.memory.regions[i];
		void *here = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i],
			(off_t)region.offset);

		close(fds[i]);
		if (here == MAP_FAILED)
			return false;
		memory->regions[i].guest = region.guest;
		memory->regions[i].user = region.user;
		memory->regions[i].size = region.size;
		memory->regions[i].here = here;
		memory->n++;
	}
	return find_queue(vhost, QUEUE_TO_GUEST) && find_queue(vhost, QUEUE_FROM_GUEST);
}

static bool set_address(struct vhost *vhost, const struct message *message)
{
	unsigned index = message->body.address.index;

	vhost->places[index].descriptors = message->body.address.descriptors;
	vhost->places[index].available = message->body.address.available;
	vhost->places[index].used = message->body.address.used;
	return find_queue(vhost, index);
}

static void put_fd(int *slot, const struct message *message, const int *fds, int n_fds)
{
	if (*slot >= 0)
		close(*slot);
	*slot = n_fds == 1 && !(message->body.number & NO_DESCRIPTOR) ? fds[0] : -1;
}

static bool give_base(struct vhost *vhost, struct message *message)
{
	struct queue *queue = &vhost->queues[message->body.state.index];

	message->body.state.value = queue->next;
	put_fd(&queue->kick, message, NULL, 0);
	return reply(vhost->front, message, sizeof(message->body.state));
}

static bool give_config(struct vhost *vhost, struct message *message)
{
	if (message->body.config.offset ||
		message->body.config.size > sizeof(message->body.config.bytes))
		return false;
	memcpy(message->body.config.bytes, &vhost->cid, sizeof(vhost->cid));
	return reply(vhost->front, message, message->size);
}

/* The queue that a message is about is in the lowest bits of its first word, whatever else is. */
static bool is_of_queue(uint32_t request)
{
	return (request >= SET_VRING_NUM && request <= SET_VRING_ERR) ||
	       request == SET_VRING_ENABLE;
}

bool vhost_serve(struct vhost *vhost)
{
	struct message message;
	int fds[MEMORY_REGIONS];
	int n_fds = receive(vhost->front, &message, fds);
	struct queue *queue = &vhost->queues[message.body.number & 1];

	if (n_fds < 0 || (is_of_queue(message.request) && (message.body.number & 0xff) >= QUEUES))
		return false;
	switch (message.request) {
	case GET_FEATURES:
		return answer_number(
			vhost->front, &message, 1ull << VIRTIO_F_VERSION_1 | HAS_PROTOCOL_FEATURES);
	case GET_PROTOCOL_FEATURES:
		return answer_number(vhost->front, &message, HAS_CONFIG);
	case SET_MEM_TABLE:
		return set_memory(vhost, &message, fds, n_fds);
	case SET_VRING_NUM:
		queue->size = (uint16_t)message.body.state.value;
		return queue->size > 0;
	case SET_VRING_ADDR:
		return set_address(vhost, &message);
	case SET_VRING_BASE:
		queue->next = (uint16_t)message.body.state.value;
		return true;
	case GET_VRING_BASE:
		return give_base(vhost, &message);
	case SET_VRING_KICK:
		put_fd(&queue->kick, &message, fds, n_fds);
		return true;
	case SET_VRING_CALL:
		put_fd(&queue->call, &message, fds, n_fds);
		return true;
	case GET_CONFIG:
		return give_config(vhost, &message);
	case SET_VRING_ERR:
		if (n_fds == 1)
			close(fds[0]);
		return true;
	case SET_FEATURES:
	case SET_OWNER:
	case SET_PROTOCOL_FEATURES:
	case SET_VRING_ENABLE:
		return true;
	default:
		return false;
	}
}
