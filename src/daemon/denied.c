/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/denied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "mcp/diagnosis.h"
#include "supervise/child.h"

#define LINE_BYTES 4096 /* AUDIT_MAX_LINE */
#define READS 64 /* of one look: a pipe holds no more */

/* The next bytes of the audit; 0 where there are none now. */
static size_t read_audit(struct channel *channel, char *bytes, size_t size)
{
	ssize_t n;

	if (channel->audit < 0)
		return 0;
	do
		n = read(channel->audit, bytes, size);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		drop_fd(&channel->audit);
	return n > 0 ? (size_t)n : 0;
}

/* What was refused before is no part of this request's failure. */
static void pass_over(void *data, struct channel *channel)
{
	char bytes[LINE_BYTES];

	(void)data;
	for (int i = 0; i < READS && read_audit(channel, bytes, sizeof(bytes)); i++)
		;
}

static void take_lines(struct refusals *refusals, struct lines *lines, const char *bytes, size_t n)
{
	for (size_t at = 0, used = 0; at < n; at += used) {
		const char *line;
		size_t len;
		int r = lines_next(lines, bytes + at, n - at, &used, &line, &len);

		if (r < 0)
			return;
		if (r > 0)
			refusals_line(refusals, line, len);
	}
}

static void look(struct channel *channel, struct refusals *refusals)
{
	struct lines lines;
	char bytes[LINE_BYTES];
	size_t n;

	lines_init(&lines, LINE_BYTES);
	for (int i = 0; i < READS && (n = read_audit(channel, bytes, sizeof(bytes))); i++)
		take_lines(refusals, &lines, bytes, n);
	lines_done(&lines);
	channel_supervise(channel);
	refusals->tasks_told = channel->tasks_told;
	refusals->calls_told = channel->calls_told;
	child_refusals(channel->child, &refusals->tasks, &refusals->calls, &refusals->call);
	channel->tasks_told = refusals->tasks;
	channel->calls_told = refusals->calls;
}

/* Most answers are no failures, and are not taken apart for it. */
static bool may_have_failed(const char *text, size_t len)
{
	return memmem(text, len, "\"error\"", 7) || memmem(text, len, "\"isError\"", 9);
}

/* Where memory runs out, the answer goes as it is: it is the worker's, and whole. */
static void add_denied(
	void *data, struct channel *channel, const struct tool *tool, char **answer, size_t *len)
{
	const struct denied_request *what = data;
	struct refusals refusals = {0};
	struct message request, message;
	autofree char *paths = NULL;
	autostrbuf struct strbuf line;
	const char *why = NULL;

	strbuf_init(&line, KS_MAX_TEXT);
	if (!may_have_failed(*answer, *len) || message_read(*answer, *len, &message, &why) < 0 ||
		!diagnosis_failed(&message) ||
		message_read(what->text, what->len, &request, &why) < 0)
		return;
	look(channel, &refusals);
	paths = diagnosis_paths(&request, tool->policy);
	if (diagnosis_put(&line, &message, paths, tool->policy, &refusals, 0) < 0 || !line.len)
		return;
	line.data[--line.len] = '\0'; /* it stands within another line */
	free(*answer);
	*len = line.len;
	strbuf_take(&line, answer, NULL);
}

struct call_watch denied_watch(struct denied_request *request)
{
	return (struct call_watch){pass_over, add_denied, request};
}
