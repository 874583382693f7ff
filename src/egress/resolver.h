/* SPDX-License-Identifier: Apache-2.0 */
/* Names become addresses in a child of the proxy, by the host's own getaddrinfo(): whatever the
 * host is set up with (hosts, nss modules, a company's DNS) works, a hostile reply never meets the
 * proxy's memory, and a slow name server holds up nobody but those who asked it. */
#ifndef KS_EGRESS_RESOLVER_H
#define KS_EGRESS_RESOLVER_H

#include <stdint.h>
#include <sys/types.h>

#include "egress/host.h"

#define RESOLVER_MAX_ADDRESSES 16 /* of one name; more are left out */
#define RESOLVER_THREADS 4 /* questions under way at once; more wait in the socket */

struct resolver {
	int socket; /* non-blocking, for the proxy's loop: readable when there is an answer, hung up
		     * when the child is gone */
	pid_t pid;
	int pidfd; /* for its end; -1 = it is not waited for */
};

struct resolution {
	uint32_t ticket; /* the asker's */
	int32_t error; /* 0, or EAI_* of <netdb.h> */
	uint32_t n_addresses; /* 0 with an error, else 1 or more */
	struct address addresses[RESOLVER_MAX_ADDRESSES]; /* in the order in which to try them; each
							   * once, none of one interface alone */
};

/* Starts the child, which is confined before it takes a question; on Linux from EGRESS_SLOT_NAMES,
 * which is closed. To be called before the proxy is confined itself, and before it has any
 * descriptor of a worker. 0 or -errno, and there is none. */
int resolver_start(struct resolver *ret_resolver);

/* 0; -EAGAIN when too many questions wait; -EPIPE when the child is gone. Names only. */
int resolver_ask(struct resolver *resolver, uint32_t ticket, const struct egress_host *name);

/* 1 with an answer, 0 when there is none now, -EPIPE when the child is gone, -EBADMSG for one that
 * is no answer (the child is not trusted): the resolver is of no more use then. */
int resolver_take(struct resolver *resolver, struct resolution *ret_resolution);

/* One answer, as the system's socket gives it: its length, 0 at the end, or -errno. For
 * resolver_take(). */
ssize_t resolver_receive(int socket, void *bytes, size_t len);

/* Hangs up, and waits a moment for the child to be gone. */
void resolver_done(struct resolver *resolver);

#endif
