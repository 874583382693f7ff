/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "workers/slot.h"

/* The streams of a worker that ends are closed before its end is told: on a busy host long before.
 */
#define CLOSED_MS 2000

#define CANCEL 16 /* beside what channel_wait() tells */

struct state {
	struct channel *channel;
	const struct message *request; /* NULL: only the output is to be written */
	struct exchange *exchange;
	char id[24];
	uint64_t now; /* 0: it has to be read anew, as something was waited for */
	uint64_t deadline;
	uint64_t closed_by; /* a stream is closed: it ends until then, or is ended */
};

/* Faster than printf(), which costs as much as reading the answer does. */
static size_t write_id(uint64_t number, char id[24])
{
	char digits[24];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < len; i++)
		id[i] = digits[len - 1 - i];
	id[len] = '\0';
	return len;
}

static int put_request(struct state *state)
{
	size_t len = write_id(++state->channel->id, state->id);

	return channel_put(state->channel, state->request, state->id, len);
}

static int take_answer(struct state *state, const struct message *answer)
{
	struct exchange *exchange = state->exchange;
	const struct message *request = state->request;

	if (message_part_is(answer, answer->id, "null"))
		return verdict_set(&exchange->verdict, KS_FAULT_GARBAGE,
			"could not read the request, and so cannot be trusted to read the next");
	if (!request || !message_part_is(answer, answer->id, state->id))
		return verdict_set(&exchange->verdict, KS_FAULT_GARBAGE,
			"wrote an answer that nobody waits for");
	if (message_with_id(answer, request->text + request->id.at,
		    request->id.end - request->id.at, &exchange->answer, &exchange->answer_len) < 0)
		return -ENOMEM;
	return 1;
}

/* 1 = the answer, 0 = something else, or an error. */
static int take_line(struct state *state, const char *line, size_t len)
{
	struct exchange *exchange = state->exchange;
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_set(
			&exchange->verdict, KS_FAULT_GARBAGE, "wrote what is no message: %s", why);
	if (message.kind == MESSAGE_RESPONSE)
		return take_answer(state, &message);
	if (exchange->on_message)
		exchange->on_message(exchange->data, line, len);
	else if (message.kind == MESSAGE_REQUEST && channel_refuse(state->channel, &message) < 0)
		return verdict_set(&exchange->verdict, KS_FAULT_FLOOD, "asks, and does not read");
	return 0;
}

/* 1 = done. */
static int take_lines(struct state *state)
{
	struct channel *channel = state->channel;
	struct verdict *verdict = &state->exchange->verdict;
	const char *line;
	size_t len;
	int r;

	while ((r = channel_line(channel, &line, &len, verdict)) > 0) {
		r = take_line(state, line, len);
		if (r != 0)
			return r;
	}
	if (r < 0)
		return verdict->fault == KS_FAULT_NONE ? -ENOMEM : r;
	if (channel->received > channel->max_message * (CHANNEL_UNASKED + 1))
		return verdict_set(verdict, KS_FAULT_FLOOD,
			"wrote more than %d messages' worth beside the answer", CHANNEL_UNASKED);
	channel_flush(channel);
	return !state->request && !channel_pending(channel) && !channel->deaf;
}

/* What makes waiting pointless. */
static int check(struct state *state)
{
	struct channel *channel = state->channel;
	struct exchange *exchange = state->exchange;
	bool closed = channel->out < 0 || channel->deaf;

	/* What it wrote last may have to be read yet. */
	if (channel->ended && (channel->out < 0 || channel->len == 0))
		return verdict_set(&exchange->verdict, KS_FAULT_CRASH, "ended before it answered");
	if (!state->now && (closed || state->deadline != SLOT_NEVER))
		state->now = clock_now();
	if (closed && state->closed_by == SLOT_NEVER)
		state->closed_by = state->now + CLOSED_MS;
	if (state->now >= state->closed_by)
		return verdict_set(&exchange->verdict, KS_FAULT_CLOSED, "closed its %s",
			channel->out < 0 ? "stdout" : "stdin");
	if (state->now >= state->deadline)
		return verdict_set(&exchange->verdict, KS_FAULT_TIMEOUT,
			"did not answer within %" PRIu64 " ms", exchange->timeout_ms);
	return 0;
}

/* With the descriptors that the channel does not watch. */
static int poll_all(const struct state *state, int timeout_ms)
{
	const struct channel *channel = state->channel;
	struct pollfd fds[] = {
		{.fd = state->exchange->cancel, .events = POLLIN},
		{.fd = channel->watch, .events = POLLIN},
		{.fd = channel_pending(channel) ? channel->in : -1, .events = POLLOUT},
	};
	int r;

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	r = fds[1].revents ? channel_wait(channel, 0) : 0;
	return r < 0 || !fds[0].revents ? r : r | CANCEL;
}

/* The time that this may take is kept by a timer which is set once for many calls: a time for each
 * call costs more than the rest of the wait. */
static int wait_for_worker(const struct state *state, uint64_t until)
{
	const struct channel *channel = state->channel;
	bool kept = until == SLOT_NEVER || channel_wake_by(channel, until) == 0;

	return channel_wait(channel, kept ? -1 : clock_between(state->now, until));
}

static int wait_for_more(struct state *state)
{
	struct channel *channel = state->channel;
	struct exchange *exchange = state->exchange;
	uint64_t until = state->deadline < state->closed_by ? state->deadline : state->closed_by;
	/* What has ended does not come again. */
	int what = channel->ended ? 0
		   : exchange->cancel >= 0 || channel_pending(channel)
			   ? poll_all(state, clock_between(state->now, until))
			   : wait_for_worker(state, until);

	state->now = 0;
	if (what < 0)
		return what;
	if (what & CHANNEL_STOP)
		return verdict_set(
			&exchange->verdict, KS_FAULT_SHUTDOWN, "was ended, as everything ends");
	if (what & CANCEL)
		return verdict_set(
			&exchange->verdict, KS_FAULT_CANCELLED, "was ended by its caller's wish");
	/* Its end comes first: all that it wrote before is there to be read then. */
	if (what & CHANNEL_CHILD)
		channel_supervise(channel);
	if ((what & CHANNEL_OUT) || channel->ended)
		channel_read_output(channel);
	if ((what & CHANNEL_ERR) || channel->ended)
		channel_read_errors(channel);
	return 0;
}

int exchange_run(struct channel *channel, const struct message *request, struct exchange *exchange)
{
	struct state state = {channel, request, exchange, .now = clock_now(),
		.deadline = SLOT_NEVER, .closed_by = SLOT_NEVER};
	int r = request ? put_request(&state) : 0;

	if (exchange->timeout_ms)
		state.deadline = state.now + exchange->timeout_ms;
	if (r == -EMSGSIZE)
		r = verdict_set(&exchange->verdict, KS_FAULT_CLOSED, "does not read its stdin");
	channel->received = 0;
	channel_flush(channel);
	while (r == 0) {
		r = take_lines(&state);
		if (r == 0)
			r = check(&state);
		if (r == 0)
			r = wait_for_more(&state);
	}
	return r < 0 ? r : 0;
}
