/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's end in this process: a descriptor that is never waited for. Where it is shared with
 * somebody else, as a caller's stdio is, it cannot simply be made non-blocking. */
#ifndef KS_VM_CHANNEL_ENDPOINT_H
#define KS_VM_CHANNEL_ENDPOINT_H

#include <stddef.h>
#include <sys/types.h>

enum endpoint_kind {
	ENDPOINT_OWN, /* non-blocking, and nobody else's */
	ENDPOINT_SOCKET, /* non-blocking call by call */
	ENDPOINT_SHARED, /* it may block: touched only when poll() says that it does not, and
			    written in pieces that a pipe then has room for */
};

struct endpoint {
	int fd; /* -1: closed */
	enum endpoint_kind kind;
};

/* Bytes, 0 at the end, or -errno; -EAGAIN: nothing now. */
ssize_t endpoint_read(const struct endpoint *endpoint, void *bytes, size_t len);
/* Bytes, or -errno; -EAGAIN: no room now. No SIGPIPE where the signal is blocked or ignored. */
ssize_t endpoint_write(const struct endpoint *endpoint, const void *bytes, size_t len);
void endpoint_close(struct endpoint *endpoint);

#endif
