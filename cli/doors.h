/* SPDX-License-Identifier: Apache-2.0 */
/* Where `kastellan egress` listens. */
#ifndef KS_CLI_DOORS_H
#define KS_CLI_DOORS_H

#include <sys/types.h>

#include <kastellan/kastellan.h>

struct doors {
	int fds[KS_EGRESS_MAX_DOORS];
	const char *paths[KS_EGRESS_MAX_DOORS]; /* of unix sockets; NULL for the others */
	ino_t inodes[KS_EGRESS_MAX_DOORS];
	size_t count;
};

/* "unix:PATH", "127.0.0.1:PORT" or "[::1]:PORT"; a port of 0 is the kernel's choice. where has to
 * outlive the doors. 0, or -errno with the error set. */
int doors_add(struct doors *doors, const char *where, ks_error **reterr);

/* A line each on standard output: "listening on 127.0.0.1:40213". */
void doors_print(const struct doors *doors);

/* Closes them here, where the proxy has copies: once it takes no more connections, nobody does. */
void doors_leave(struct doors *doors);

/* Closes them, and removes the unix sockets that are still these. */
void doors_close(struct doors *doors);

#endif
