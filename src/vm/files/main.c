/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-files: serves the tree that it finds itself in, "/", to a guest.
 *
 * Started by kastellan alone, as the program of a jail that has the mounts of the worker's policy,
 * with the socket to the guest as its standard input. The guest's kernel speaks FUSE on it, raw:
 * the messages carry their lengths. What is read-only, hidden or somebody else's is decided by the
 * mounts and the ids of the jail, and enforced by the host's kernel; nothing here has to be right
 * for that.
 *
 *   1. what it works with: the root, the names of its descriptors, its tables
 *   2. no more descriptors, privileges or system calls than it needs; only then
 *   3. a byte of the guest is read
 *
 * Status 0 where the guest has gone, 1 for what went wrong, which is said on standard error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/files/confine.h"
#include "vm/files/find.h"

/* Descriptors: those of no table, then of each. */
#define OTHERS 32
#define FEWEST 128

static struct server server = {.socket = STDIN_FILENO};

static int fail(const char *step, int code)
{
	fprintf(stderr, "kastellan-files: %s: %s\n", step, strerror(-code));
	return EXIT_FAILURE;
}

/* The hard limit is the jail's; locks have descriptors that neither of the tables counts. */
static int share_descriptors(uint64_t limit, uint32_t *ret_nodes, uint32_t *ret_handles)
{
	uint64_t share = limit > OTHERS ? (limit - OTHERS) / 8 : 0;

	if (limit < FEWEST)
		return -1;
	if (share > KS_MAX_FILES_DESCRIPTORS / 8)
		share = KS_MAX_FILES_DESCRIPTORS / 8;
	*ret_nodes = (uint32_t)share * 4;
	*ret_handles = (uint32_t)share * 3;
	return 0;
}

int main(void)
{
	uint64_t limit = 0;
	uint32_t n_handles = 0;
	int r;

	r = confine_start(&limit);
	if (r < 0)
		return fail("descriptors and privileges", r);
	if (share_descriptors(limit, &server.room, &n_handles) < 0) {
		fprintf(stderr, "kastellan-files: RLIMIT_NOFILE is %llu: %d at least are needed\n",
			(unsigned long long)limit, FEWEST);
		return EXIT_FAILURE;
	}
	if (chdir("/proc/self/fd") < 0)
		return fail("/proc/self/fd: the jail needs a /proc of its own", -errno);
	server.umask = umask(0) & 0777;
	umask(server.umask);
	r = find_root(&server, "/");
	if (r < 0)
		return fail("/", r);
	r = handles_start(&server.handles, n_handles);
	if (r < 0)
		return fail("tables", r);
	r = confine_calls();
	if (r < 0)
		return fail("seccomp", r);
	r = server_run(&server);
	return r < 0 ? fail("connection", r) : EXIT_SUCCESS;
}
