/* SPDX-License-Identifier: Apache-2.0 */
/* One running worker: its child, its streams, and what has been read of them. It belongs to one
 * thread at a time; only the exchange blocks, and only there time matters. */
#ifndef KS_WORKERS_CHANNEL_H
#define KS_WORKERS_CHANNEL_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "workers/faults.h"
#include "workers/lines.h"
#include "workers/message.h"

#define CHANNEL_READ 32768 /* bytes of one read */
#define CHANNEL_UNASKED 16 /* messages of the longest kind that nobody asked for, a request */

struct channel {
	ks_child *child;
	int in; /* -1 = closed or not there, as the other descriptors */
	int out;
	int err;
	int watch; /* epoll of child, out and err, and of what stops everything */
	int audit; /* what its egress proxy decides, for who gave it; belongs to the channel */
	/* What its jail has refused it, as far as somebody was told: see child_refusals(). */
	uint64_t tasks_told;
	uint64_t calls_told;
	struct strbuf output; /* to be written */
	size_t written; /* of it */
	struct lines lines;
	char bytes[CHANNEL_READ]; /* read, and not yet taken by lines */
	size_t at;
	size_t len;
	size_t max_message;
	uint64_t received; /* bytes since the exchange began */
	uint64_t id; /* of the last request */
	bool ended; /* the child is gone, and its outcome there */
	bool deaf; /* it closed its stdin before everything was written */
	bool unheard; /* and before any of what was to be written last */
	struct ring errors;
};

/* Takes the child, also on failure. stop: polls readable when everything ends; -1 = none. 0 or
 * -errno. */
int channel_new(ks_child *child, size_t max_message, int stop, struct channel **ret_channel);

/* Waits until one of these has something: a set of them, 0 after the time, or -errno. */
enum { CHANNEL_CHILD = 1, CHANNEL_OUT = 2, CHANNEL_ERR = 4, CHANNEL_STOP = 8 };
int channel_wait(const struct channel *channel, int timeout_ms);

/* CHANNEL_CHILD is told by that time, in milliseconds of clock_now(), also where nothing has come
 * of the child: see child_wake_by(). 0 or -errno. */
int channel_wake_by(const struct channel *channel, uint64_t until);

/* Puts the message into the output, as a line, with that id. 0, -EMSGSIZE when too much waits
 * already, or -ENOMEM. */
int channel_put(
	struct channel *channel, const struct message *message, const char *id, size_t id_len);

/* Writes what can be written without waiting. */
void channel_flush(struct channel *channel);
bool channel_pending(const struct channel *channel);

/* Reads once from each stream without waiting, and sees to the child first where child is true:
 * then all that it wrote before its end is there to be read. */
void channel_read(struct channel *channel, bool child);

/* The parts of that, for whoever knows which stream has something. */
void channel_supervise(struct channel *channel);
void channel_read_output(struct channel *channel);
void channel_read_errors(struct channel *channel);

/* Drops what was read where memory ran out before it was written, of which the kernel tells first:
 * the processor may have been with the worker all the time since. Costs system calls. */
void channel_confirm_output(struct channel *channel);

/* Nothing has come of the worker since its streams were read last, nor of its child: one look, that
 * costs a system call. */
bool channel_quiet(const struct channel *channel);

/* The next line that was read: 1, or 0 for none; -1 with a verdict where the stream is no stream of
 * messages. */
int channel_line(
	struct channel *channel, const char **ret_line, size_t *ret_len, struct verdict *verdict);

/* Answers a request of the worker's own that nobody else answers. */
int channel_refuse(struct channel *channel, const struct message *request);

/* A worker that nobody uses: takes what it has written, without waiting. 0, or -1 with a verdict
 * where it cannot be used any more. */
int channel_look(struct channel *channel, struct verdict *verdict);

/* The worker sees the end of its input. */
void channel_close_input(struct channel *channel);

/* Ends it at once, waits until everything of it is gone, and takes the last of its stderr. */
void channel_kill(struct channel *channel);

/* Takes the outcome of one that has ended; NULL if there is none. */
ks_outcome *channel_take_outcome(struct channel *channel);

/* NULL is allowed. */
void channel_free(struct channel *channel);

#endif
