/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the kernel's network code, several in one go. System calls only; what does not fit
 * makes the whole of them fail, once, when they are sent. */
#ifndef KS_LINUX_INIT_NETLINK_H
#define KS_LINUX_INIT_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_ROOM 2048

struct netlink {
	_Alignas(4) unsigned char bytes[NETLINK_ROOM];
	size_t len;
	size_t message; /* where the last message begins */
	uint32_t messages; /* numbered from 1 */
	uint32_t asked; /* how many of them are answered */
	bool full;
};

/* A message begins: its type, its flags besides NLM_F_REQUEST, and its family's fixed head. With
 * NLM_F_ACK its answer is waited for. */
void netlink_begin(
	struct netlink *text, uint16_t type, uint16_t flags, const void *head, size_t len);

/* An attribute of the message, or of the nest that is open. Strings carry their NUL. */
void netlink_add(struct netlink *text, uint16_t type, const void *data, size_t len);
void netlink_add_string(struct netlink *text, uint16_t type, const char *string);
/* As nf_tables has its numbers: in the order of the network. */
void netlink_add_be32(struct netlink *text, uint16_t type, uint32_t number);

/* Attributes in an attribute: netlink_close() takes what netlink_open() returned. */
size_t netlink_open(struct netlink *text, uint16_t type);
void netlink_close(struct netlink *text, size_t nest);

/* Sends them all over a socket of its own and reads the answers: 0, or -errno of the socket or of
 * the first message that the kernel refused; *ret_message is its number then, 0 for the socket. */
int netlink_talk(const struct netlink *text, int protocol, uint32_t *ret_message);

#endif
