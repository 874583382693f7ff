/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets, and how sockets end. */
#ifndef KS_EGRESS_SOCKET_H
#define KS_EGRESS_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "egress/address.h"

/* The system's own: socket_linux.c, mac/socket.c. Streams are non-blocking and close-on-exec; a
 * descriptor, or -errno. */
int socket_open(int family);
int socket_accept(int listener);
/* Takes bytes out that have been looked at; what scratch holds then does not matter. As recv(2). */
ssize_t socket_drop(int fd, void *scratch, size_t len);
/* Of send(2): no SIGPIPE. */
extern const int socket_quiet;

/* The address family that a socket is of, or -1. */
int socket_family(int fd);

/* Of IPv4 or IPv6, mapped ones unwrapped; false for any other. */
bool socket_address(
	const struct sockaddr_storage *from, struct address *ret_address, uint16_t *ret_port);
/* Where the socket is bound: on an accepted one, where its peer wanted to go. */
bool socket_local(int fd, struct address *ret_address, uint16_t *ret_port);

/* For a socket whose bytes are passed on: small pieces at once, and TCP's urgent byte in its place
 * among the others. Otherwise that byte would come and go with the next one of its kind, and what
 * was looked at would not be what is sent. 0 or -errno. */
int socket_prepare(int fd);

/* Keeps what the kernel may hold for it, in either direction, at what it begins with. Otherwise
 * that grows to megabytes, which nobody's limit counts. 0 or -errno. */
int socket_keep_small(int fd);

/* Begins to connect one that is non-blocking. 0 or -errno. */
int socket_connect(int fd, const struct address *address, uint16_t port);

/* Closes it so that the peer sees a reset and not an end, which could pass for a whole answer. A
 * unix socket knows no reset: behind a door of that kind a cut connection looks like one that has
 * ended, and only the protocol inside tells. */
void socket_reset(int fd);

/* A message that fits into an empty send buffer, whole or not at all. */
bool socket_say(int fd, const void *bytes, size_t len);

#endif
