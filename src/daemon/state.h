/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's parts: one thread accepts, one a connection reads, and one a request waits for its
 * worker, so that no client keeps another from anything, nor a request of its own. */
#ifndef KS_DAEMON_STATE_H
#define KS_DAEMON_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "daemon/daemon.h"
#include "workers/message.h"
#include "workers/tools.h"

#define DAEMON_CONNECTIONS 256
#define DAEMON_REQUESTS 1024 /* at once, of all clients */
#define DAEMON_REQUESTS_EACH 256 /* of one, so that it leaves room for others */
#define DAEMON_BYTES (256u << 20) /* of all requests that are in progress */

struct daemon {
	const struct daemon_options *options;
	ks_workers *workers;
	int stop; /* eventfd: readable when everything ends */
	pthread_mutex_t reloading; /* one after the other, so that what was read last is what holds
				    */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	ks_tools *tools; /* of the last reload */
	struct noted_error *errors; /* the last of each tool that had one; see daemon/errors.h */
	struct connection *connections;
	unsigned n_connections; /* as many reading threads */
	unsigned n_requests; /* as many waiting threads */
	size_t n_bytes; /* of these requests */
};

struct connection {
	struct connection *next, *before;
	struct daemon *daemon;
	int fd;
	int gone; /* eventfd: readable when nobody reads the answers any more */
	unsigned references; /* its reader, and one a request; under the daemon's lock */
	pthread_mutex_t writing;
};

/* Takes the descriptor. */
void connection_start(struct daemon *daemon, int fd);

/* One whole line to the client; a client that does not read is given up. */
void connection_send(struct connection *connection, const char *text, size_t len);

/* One request of a client: answered when this returns. */
void request_serve(struct connection *connection, const struct message *message);

/* A reference to the manifest as it is now, for ks_tools_free(). */
ks_tools *daemon_tools(struct daemon *daemon);

/* Reads the manifest again. 0 or -errno. */
int daemon_reload(struct daemon *daemon, ks_error **reterr);

#endif
