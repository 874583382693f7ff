/* SPDX-License-Identifier: Apache-2.0 */
/* A request and its answer on one channel: the only place where a caller waits for a worker. One
 * deadline is kept for each, by the timer of the worker's child. */
#ifndef KS_WORKERS_EXCHANGE_H
#define KS_WORKERS_EXCHANGE_H

#include "workers/channel.h"

struct exchange {
	uint64_t timeout_ms; /* 0 = none */
	int cancel; /* polls readable when the caller gives up; -1 = none */
	/* Takes a message that is not the answer; NULL: see channel_refuse(). */
	void (*on_message)(void *data, const char *text, size_t len);
	void *data;
	/* Result */
	char *answer; /* on one line, with the id that the request had */
	size_t answer_len;
	struct verdict verdict;
};

/* Sends the request under an id of the channel's own, and waits for its answer; request NULL: until
 * the output is written. Returns 0, -1 with a verdict, or -ENOMEM. */
int exchange_run(struct channel *channel, const struct message *request, struct exchange *exchange);

#endif
