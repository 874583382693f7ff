/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a worker on loan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "core/pipeline.h"
#include "workers/exchange.h"
#include "workers/manager.h"
#include "workers/watched.h"

int call_options_complete(
	const struct ks_call_options *given, struct ks_call_options *ret_options, ks_error **reterr)
{
	struct ks_call_options options = {0};
	int r = given ? options_copy_sized(
				given, sizeof(options), &options, sizeof(options), reterr)
		      : 0;

	if (r < 0)
		return r;
	if (options.reserved || options.cancel_fd < 0)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "options", .remedy = "zero the structure first"),
			"options: a member is neither 0 nor understood");
	if (options.wait_ms > MANAGER_LONGEST_MS || options.timeout_ms > MANAGER_LONGEST_MS)
		return error_set(reterr, -ERANGE,
			ABOUT(.step = "options", .remedy = "0 is no limit, or the tool's"),
			"options: a time is longer than a year");
	if (!options.cancel_fd)
		options.cancel_fd = -1;
	*ret_options = options;
	return 0;
}

/* What it wrote behind its answer, and was read with it, is no reason to withhold the answer; nor
 * is that it has ended since. */
static void answered_well(struct ks_worker *worker)
{
	struct channel *channel = worker->seat->channel;
	struct verdict verdict = {.fault = KS_FAULT_NONE};

	worker->answered = true;
	if (!channel->ended && channel->at == channel->len)
		return;
	loan_note_answer(worker);
	if (channel_look(channel, &verdict) < 0)
		loan_lose(worker, &verdict, NULL);
}

static void hand_on(void *data, const char *text, size_t len)
{
	struct ks_worker *worker = data;

	worker->on_message(worker->data, worker, text, len);
}

static struct exchange exchange_for(struct ks_worker *worker, const struct ks_call_options *options)
{
	worker->on_message = options->on_message;
	worker->data = options->data;
	return (struct exchange){
		.timeout_ms = options->timeout_ms ? options->timeout_ms
						  : worker->pool->tool->wall_ms,
		.cancel = options->cancel_fd,
		.on_message = options->on_message ? hand_on : NULL,
		.data = worker,
	};
}

static int check_length(const char *tool, uint64_t bound, size_t len, ks_error **reterr)
{
	if (len <= bound)
		return 0;
	return error_set(reterr, -EMSGSIZE,
		ABOUT(.step = "worker", .field = "max_message_bytes", .path = tool,
			.remedy = "raise max_message_bytes of the tool"),
		"tool \"%s\": a message of %zu bytes is longer than its bound", tool, len);
}

/* The text is what is wanted, and no longer than the bound. */
static int read_text(const char *tool, uint64_t bound, const char *text, size_t len, bool request,
	struct message *ret_message, ks_error **reterr)
{
	const char *why = NULL;
	int r = check_length(tool, bound, len, reterr);

	if (r < 0)
		return r;
	r = message_read(text, len, ret_message, &why);
	if (r == -ENOMEM)
		return error_oom(reterr);
	if (r == 0 && request == (ret_message->kind == MESSAGE_REQUEST))
		return 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "worker", .path = tool,
			.remedy = request ? "pass one JSON-RPC 2.0 request with an id"
					  : "pass a JSON-RPC 2.0 notification or response"),
		"tool \"%s\": the text is no %s: %s", tool,
		request ? "request" : "notification or response",
		why ? why : "it is another kind of message");
}

#define ANOTHER 1 /* the worker was gone before the request: it is for another one */

/* It ended, or said what it should not, before it could hear anything of the request: what a look
 * would have found out when it was taken. */
static bool was_lost_before(const struct ks_worker *worker, enum ks_fault fault)
{
	return worker->replaceable && worker->seat->channel->unheard &&
	       (fault == KS_FAULT_CRASH || fault == KS_FAULT_GARBAGE || fault == KS_FAULT_FLOOD);
}

static int lose(struct ks_worker *worker, const struct verdict *verdict, ks_error **reterr)
{
	if (!was_lost_before(worker, verdict->fault))
		return loan_lose(worker, verdict, reterr);
	pthread_mutex_lock(&worker->manager->lock);
	worker->pool->counters.calls--;
	pthread_mutex_unlock(&worker->manager->lock);
	loan_lose(worker, verdict, NULL);
	return ANOTHER;
}

/* Between begin() and finish(), and counted. As long as nothing is sent the worker is as good as
 * before. ANOTHER: see there; only of a worker that is replaceable. watch may be NULL. */
static int call(struct ks_worker *worker, const struct message *request,
	const struct ks_call_options *options, const struct call_watch *watch, char **ret_answer,
	size_t *ret_len, ks_error **reterr)
{
	struct channel *channel = worker->seat->channel;
	const struct tool *tool = worker->pool->tool;
	struct exchange exchange = exchange_for(worker, options);
	int r = check_length(tool->name, tool->max_message_bytes, request->len, reterr);

	if (r < 0)
		return r;
	if (watch)
		watch->begins(watch->data, channel);
	if (exchange_run(channel, request, &exchange) < 0)
		return lose(worker, &exchange.verdict, reterr);
	if (watch)
		watch->answered(watch->data, channel, tool, &exchange.answer, &exchange.answer_len);
	answered_well(worker);
	*ret_answer = exchange.answer;
	if (ret_len)
		*ret_len = exchange.answer_len;
	return 0;
}

int ks_worker_call(ks_worker *worker, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr)
{
	struct ks_call_options complete = {0};
	struct message message;
	const struct tool *tool;
	int r = call_options_complete(options, &complete, reterr);

	if (r == 0)
		r = loan_begin(worker, false, reterr);
	if (r != 0)
		return r;
	tool = worker->pool->tool;
	r = read_text(tool->name, tool->max_message_bytes, request, len, true, &message, reterr);
	if (r == 0) {
		loan_count_request(worker);
		r = call(worker, &message, &complete, NULL, ret_answer, ret_len, reterr);
	}
	loan_finish(worker);
	return r;
}

static int put(struct ks_worker *worker, const char *text, size_t len, ks_error **reterr)
{
	const struct tool *tool = worker->pool->tool;
	struct message message = {0};
	int r = read_text(tool->name, tool->max_message_bytes, text, len, false, &message, reterr);

	if (r != 0)
		return r;
	r = channel_put(worker->seat->channel, &message, text + message.id.at,
		message.id.end - message.id.at);
	if (r == -EMSGSIZE)
		return error_set(reterr, r, ABOUT(.step = "worker", .path = tool->name),
			"tool \"%s\": the worker does not read its stdin", tool->name);
	return r < 0 ? error_oom(reterr) : 0;
}

int ks_worker_send(ks_worker *worker, const char *text, size_t len, ks_error **reterr)
{
	const struct ks_call_options options = {.cancel_fd = -1};
	struct exchange exchange;
	int r;

	/* From on_message, in the caller's own thread: the exchange under way writes it. */
	if (worker->calling)
		return put(worker, text, len, reterr);
	r = loan_begin(worker, false, reterr);
	if (r != 0)
		return r;
	r = put(worker, text, len, reterr);
	exchange = exchange_for(worker, &options);
	if (r == 0 && exchange_run(worker->seat->channel, NULL, &exchange) < 0)
		r = loan_lose(worker, &exchange.verdict, reterr);
	loan_finish(worker);
	return r;
}

/* Before a worker is started for what it would never get; manager_enter() where it is good. */
static int enter_with(ks_workers *workers, const char *tool, const char *request, size_t len,
	struct message *ret_message, ks_error **reterr)
{
	uint64_t bound = 0;
	int r = manager_enter(workers, tool, &bound, reterr);

	if (r < 0)
		return r;
	r = read_text(tool, bound, request, len, true, ret_message, reterr);
	if (r < 0)
		manager_leave(workers);
	return r;
}

int workers_call_watched(ks_workers *workers, const char *tool, const char *request, size_t len,
	const struct ks_call_options *options, const struct call_watch *watch, char **ret_answer,
	size_t *ret_len, ks_error **reterr)
{
	struct ks_call_options complete = {0};
	struct message message = {0};
	int r = call_options_complete(options, &complete, reterr);

	if (r == 0)
		r = enter_with(workers, tool, request, len, &message, reterr);
	if (r != 0)
		return r;
	do {
		ks_worker *worker = NULL;

		r = loan_acquire(workers, tool, &complete, true, &worker, reterr);
		if (r != 0)
			break;
		r = loan_begin(worker, true, reterr);
		if (r == 0)
			r = call(worker, &message, &complete, watch, ret_answer, ret_len, reterr);
		loan_return(worker);
	} while (r == ANOTHER);
	manager_leave(workers);
	return r;
}

int ks_workers_call(ks_workers *workers, const char *tool, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr)
{
	return workers_call_watched(
		workers, tool, request, len, options, NULL, ret_answer, ret_len, reterr);
}

void workers_keep_audits(ks_workers *workers)
{
	workers->keeps_audits = true;
}
