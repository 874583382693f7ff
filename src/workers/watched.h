/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that somebody looks at on their way, as the daemon does to say what a worker was refused.
 */
#ifndef KS_WORKERS_WATCHED_H
#define KS_WORKERS_WATCHED_H

#include "workers/channel.h"
#include "workers/tools.h"

/* Both are called in the caller's thread, without the manager's lock, and with the worker still
 * on loan: the channel is theirs meanwhile. */
struct call_watch {
	/* Just before the request is sent. */
	void (*begins)(void *data, struct channel *channel);
	/* With the answer, which may be exchanged for another text from malloc(). */
	void (*answered)(void *data, struct channel *channel, const struct tool *tool,
		char **answer, size_t *len);
	void *data;
};

/* As ks_workers_call(). */
int workers_call_watched(ks_workers *workers, const char *tool, const char *request, size_t len,
	const struct ks_call_options *options, const struct call_watch *watch, char **ret_answer,
	size_t *ret_len, ks_error **reterr);

/* From now on each new worker with an allowlist has its channel's audit, but for those in jails
 * that were built ahead. To be called before the first call. */
void workers_keep_audits(ks_workers *workers);

#endif
