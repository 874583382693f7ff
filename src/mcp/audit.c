/* SPDX-License-Identifier: Apache-2.0 */
/* What the jail of a running server refuses it: the lines of its egress proxy's audit, over a pipe,
 * and the counters of its child. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mcp/state.h"
#include "supervise/child.h"

#define LINE_BYTES 4096 /* AUDIT_MAX_LINE */
#define READS 64 /* of one turn: a pipe holds no more */

int server_open_audit(struct server *server, int *ret_writer)
{
	int ends[2];

	server_close_audit(server);
	/* The caller may want the audit for himself. */
	if (ks_policy_net(server->what->policy) != KS_NET_ALLOWLIST ||
		server->what->run.egress_audit)
		return 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	lines_init(&server->audit_lines, LINE_BYTES);
	server->audit = ends[0];
	*ret_writer = ends[1];
	return 0;
}

static void take(struct server *server, const char *bytes, size_t n)
{
	for (size_t at = 0, used = 0; at < n; at += used) {
		const char *line;
		size_t len;
		int r = lines_next(&server->audit_lines, bytes + at, n - at, &used, &line, &len);

		if (r < 0) {
			server_close_audit(server);
			return;
		}
		if (r > 0)
			refusals_line(&server->session.refusals, line, len);
	}
}

void server_read_audit(struct server *server)
{
	for (int i = 0; i < READS && server->audit >= 0; i++) {
		char bytes[LINE_BYTES];
		ssize_t n = read(server->audit, bytes, sizeof(bytes));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			take(server, bytes, (size_t)n);
		else
			server_close_audit(server);
	}
}

void server_close_audit(struct server *server)
{
	if (server->audit < 0)
		return;
	close(server->audit);
	server->audit = -1;
	lines_done(&server->audit_lines);
}

void server_look(void *data)
{
	struct server *server = data;
	struct refusals *refusals = &server->session.refusals;

	server_read_audit(server);
	if (!server->channel)
		return;
	channel_supervise(server->channel);
	child_refusals(server->channel->child, &refusals->tasks, &refusals->calls, &refusals->call);
}
