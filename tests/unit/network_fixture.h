/* SPDX-License-Identifier: Apache-2.0 */
/* The network of an allowlist: a child makes it and lives in it as a worker would; this process has
 * the proxy's end of it. */
#ifndef KS_TESTS_NETWORK_FIXTURE_H
#define KS_TESTS_NETWORK_FIXTURE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "egress/control.h"

#define PATIENCE_MS 5000
#define SEEN_TEXT (INET6_ADDRSTRLEN + 8)

/* As on a kernel without nf_tables. */
extern bool without_divert;

/* For the worker. A socket that is connected there, or -errno. */
int reach(int type, const char *address, uint16_t port);
/* A socket that is bound there, with everything that could take a port from its owner; or -errno.
 */
int own(int type, const char *address, uint16_t port);

/* The worker says by its exit status which of its steps failed: 0 is none of them. */
typedef int worker(void);

/* Returns once the proxy has its sockets; the ports 443 and 5432 are listed, and of the loopback
 * 127.0.0.1:3306, [::1]:3306 and 127.0.0.1:5432. */
pid_t start(worker *work);
void finish(pid_t pid);

/* For the worker: what init finds before it runs anything. 0 or -errno. */
int look_around(void);

/* The socket of that kind. */
int socket_of(enum egress_socket kind);
/* The next connection of any listener of that kind, and where its worker wanted to go. */
int take(enum egress_socket kind, char text[SEEN_TEXT]);
void expect(enum egress_socket kind, const char *wanted);
/* In any order, as each has a listener of its own. */
void expect_all(const char *const *wanted, unsigned count);

#endif
