/* SPDX-License-Identifier: Apache-2.0 */
/* A manager of workers behind a socket: kastellan workers. Clients speak JSON-RPC 2.0, one message
 * a line; kastellan-workers(7) describes the methods. */
#ifndef KS_DAEMON_DAEMON_H
#define KS_DAEMON_DAEMON_H

#include <stdint.h>

#include <kastellan/workers.h>

struct daemon_options {
	ks_backends *backends;
	const char *tools; /* the manifest's path; read again at every reload */
	struct ks_workers_options workers; /* without greet, on_fault and data */
	int listener; /* a listening stream socket */
	int signals; /* signalfd: SIGHUP reloads; SIGTERM, SIGINT and SIGQUIT end */
	/* Refuses a manifest that is read, or takes it with 0; may be NULL. */
	int (*accept)(void *data, const ks_tools *tools, ks_error **reterr);
	void *data;
	void (*report)(const ks_error *error); /* of what no client is told; may be NULL */
};

/* A socket in its directory, whatever else gets its name later. */
struct socket_name {
	uint64_t device;
	uint64_t inode;
};

/* Listens at the path, mode 0600. A socket that nobody listens at any more is replaced; of several
 * daemons that begin at once, one does. 0 or -errno. */
int daemon_listen(
	const char *path, int *ret_listener, struct socket_name *ret_name, ks_error **reterr);

/* Removes the name, if it still is that socket's, before its descriptor is closed. */
void daemon_forget(const char *path, const struct socket_name *name);

/* The socket that a service manager has opened for this process: 0, -ENOENT where there is none, or
 * -EINVAL where it is no listening stream socket. */
int daemon_inherit(int *ret_listener, ks_error **reterr);

/* Returns after a signal has ended it, with every worker gone: 0, or -errno. */
int daemon_run(const struct daemon_options *options, ks_error **reterr);

#endif
