/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "linux/init/raw.h"

#define ANSWERS_ROOM 8192 /* an acknowledgement repeats the head of what it answers */

/* Everything begins at a multiple of four. Returns NULL where there is no room. */
static void *take_room(struct netlink *text, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	void *start = text->bytes + text->len;

	if (text->full || padded > sizeof(text->bytes) - text->len) {
		text->full = true;
		return NULL;
	}
	memset(start, 0, padded);
	text->len += padded;
	return start;
}

/* The last message reaches to the end of the text. */
static void update_length(struct netlink *text)
{
	struct nlmsghdr *head = (struct nlmsghdr *)(text->bytes + text->message);

	if (!text->full)
		head->nlmsg_len = (uint32_t)(text->len - text->message);
}

void netlink_begin(
	struct netlink *text, uint16_t type, uint16_t flags, const void *head, size_t len)
{
	size_t start = text->len;
	struct nlmsghdr *message = take_room(text, sizeof(*message) + len);

	if (!message)
		return;
	text->message = start;
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++text->messages;
	memcpy(message + 1, head, len);
	text->asked += !!(flags & NLM_F_ACK);
	update_length(text);
}

void netlink_add(struct netlink *text, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attribute = take_room(text, sizeof(*attribute) + len);

	if (!attribute)
		return;
	attribute->nla_type = type;
	attribute->nla_len = (uint16_t)(sizeof(*attribute) + len);
	if (len)
		memcpy(attribute + 1, data, len);
	update_length(text);
}

void netlink_add_string(struct netlink *text, uint16_t type, const char *string)
{
	netlink_add(text, type, string, strlen(string) + 1);
}

void netlink_add_be32(struct netlink *text, uint16_t type, uint32_t number)
{
	uint32_t swapped = htonl(number);

	netlink_add(text, type, &swapped, sizeof(swapped));
}

size_t netlink_open(struct netlink *text, uint16_t type)
{
	size_t nest = text->len;

	netlink_add(text, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void netlink_close(struct netlink *text, size_t nest)
{
	struct nlattr *attribute = (struct nlattr *)(text->bytes + nest);

	if (!text->full)
		attribute->nla_len = (uint16_t)(text->len - nest);
}

/* Counts the acknowledgements of one datagram off *left; -errno of the first that is a refusal. */
static int read_answers(
	const unsigned char *bytes, size_t len, uint32_t *left, uint32_t *ret_message)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *head = (const struct nlmsghdr *)bytes;
		const struct nlmsgerr *answer = (const struct nlmsgerr *)(head + 1);
		size_t step = NLMSG_ALIGN(head->nlmsg_len);

		if (head->nlmsg_len < sizeof(*head) || head->nlmsg_len > len)
			return -EBADMSG;
		if (head->nlmsg_type == NLMSG_ERROR) {
			if (head->nlmsg_len < sizeof(*head) + sizeof(*answer))
				return -EBADMSG;
			*ret_message = head->nlmsg_seq;
			if (answer->error)
				return answer->error;
			if (*left)
				--*left;
		}
		bytes += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return 0;
}

/* The kernel has done everything, and answered, by the time that send() returns. */
static int hear(int fd, uint32_t left, uint32_t *ret_message)
{
	_Alignas(4) unsigned char answers[ANSWERS_ROOM] = {0};

	while (left) {
		ssize_t len = raw_receive(fd, answers, sizeof(answers), MSG_DONTWAIT);
		int r;

		if (len < 0)
			return len == -EAGAIN ? -EBADMSG : (int)len;
		r = read_answers(answers, (size_t)len, &left, ret_message);
		if (r < 0)
			return r;
	}
	return 0;
}

int netlink_talk(const struct netlink *text, int protocol, uint32_t *ret_message)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;
	int fd, r;

	*ret_message = 0;
	if (text->full)
		return -EMSGSIZE;
	fd = raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return fd;
	sent = raw_send(
		fd, text->bytes, text->len, (const struct sockaddr *)&kernel, sizeof(kernel));
	r = sent < 0 ? (int)sent : hear(fd, text->asked, ret_message);
	raw_close(fd);
	return r;
}
