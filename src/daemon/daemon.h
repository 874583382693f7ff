/* SPDX-License-Identifier: Apache-2.0 */
/* A manager of workers behind a socket: kastellan workers. Clients speak JSON-RPC 2.0, one message
 * a line; kastellan-workers(7) describes the methods. */
#ifndef KS_DAEMON_DAEMON_H
#define KS_DAEMON_DAEMON_H

#include <kastellan/workers.h>

struct daemon_options {
	ks_backends *backends;
	const char *tools; /* the manifest's path; read again at every reload */
	struct ks_workers_options workers;
	int listener; /* a listening stream socket */
	int signals; /* signalfd: SIGHUP reloads; SIGTERM, SIGINT and SIGQUIT end */
	void (*report)(const ks_error *error); /* of what no client is told; may be NULL */
};

/* Listens at the path, mode 0600. A socket that nobody listens at any more is replaced. 0 or
 * -errno.
 */
int daemon_listen(const char *path, int *ret_listener, ks_error **reterr);

/* The socket that a service manager has opened for this process: 0, -ENOENT where there is none, or
 * -EINVAL where it is no listening stream socket. */
int daemon_inherit(int *ret_listener, ks_error **reterr);

/* Returns after a signal has ended it, with every worker gone: 0, or -errno. */
int daemon_run(const struct daemon_options *options, ks_error **reterr);

#endif
