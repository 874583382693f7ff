/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of kastellan-vm. It should: pass on bytes both ways as fast as each end takes them, hold
 * nothing up for the sake of something else, end the VM the moment its guest is out of order, and
 * with it itself when the supervisor is gone. It must not: wait anywhere but in its one poll(), the
 * supervisor's full socket excepted, or make anything of a frame that the judge has not passed. */
#include "vm/machine/keeper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "linux/control_message.h"

#define EMULATOR_PATIENCE_MS 500 /* for one whose machine is over to say why */
#define READS_AT_ONCE                                                              \
	16 /* so that a flood of the guest's does not keep others from being heard \
	    */

enum watched {
	WATCH_CONTROL,
	WATCH_CHANNEL,
	WATCH_EMULATOR,
	WATCH_COMPLAINTS,
	WATCH_INPUT,
	WATCH_STDOUT,
	WATCH_STDERR,
	WATCH_VSOCK,
	WATCHED = WATCH_VSOCK + VSOCK_WATCHED, /* and what the network has */
};

void keeper_fail(struct keeper *keeper, int code, const char *step, const char *detail)
{
	if (keeper->state == KEEPER_DONE)
		return;
	failure_set(&keeper->failure, code, step, detail);
	relay_end(keeper);
}

static void fault(struct keeper *keeper, const struct frame_header *header, const char *why)
{
	struct failure *failure = &keeper->failure;

	failure_set(failure, EPROTO, "channel", "a frame ");
	failure_add(failure, frame_name(header->type));
	failure_add(failure, " of the guest: ");
	failure_add(failure, why);
	relay_end(keeper);
}

/* Returns why it is out of order. */
static const char *take_stream(
	struct keeper *keeper, const struct frame_header *header, const uint8_t *payload)
{
	struct sink *sink = &keeper->output[header->stream == STREAM_STDERR];
	uint32_t len;

	switch (header->type) {
	case FRAME_DATA:
		return sink_take(sink, payload, header->len) ? NULL : "it is more than its window";
	case FRAME_EOF:
		sink_end(sink);
		return NULL;
	case FRAME_WINDOW:
		memcpy(&len, payload, sizeof(len));
		return flow_given_back(&keeper->input.flow, len)
			       ? NULL
			       : "it gives back more than was sent";
	default: /* RESET */
		source_reset(&keeper->input);
		return NULL;
	}
}

static bool is_of_network(const struct frame_header *header)
{
	return header->stream >= CONNECTION_FIRST || header->type == FRAME_ASK;
}

static void take_frame(
	struct keeper *keeper, const struct frame_header *header, const uint8_t *payload)
{
	const char *why = judge_frame(&keeper->judge, header, payload);
	struct judge_control control;

	if (!why && is_of_network(header))
		why = network_take(&keeper->network, header, payload);
	else if (!why && header->stream != STREAM_SESSION)
		why = take_stream(keeper, header, payload);
	if (why) {
		fault(keeper, header, why);
		return;
	}
	if (header->type == FRAME_USAGE)
		memcpy(&keeper->usage, payload, sizeof(keeper->usage));
	if (header->type == FRAME_CONTROL) {
		control = judge_control(header, payload);
		relay_up(keeper, &control);
	}
}

static void take_frames(struct keeper *keeper)
{
	struct frame_header header;
	const uint8_t *payload = NULL;
	const char *why = NULL;
	int r = 1;

	while (keeper->state == KEEPER_RUNS &&
		(r = inbox_next(&keeper->inbox, TO_HOST, &header, &payload, &why)) == 1)
		take_frame(keeper, &header, payload);
	if (keeper->state == KEEPER_RUNS && r < 0)
		fault(keeper, &header, why);
}

/* A process between us and the guest does not tell what that uses. */
static bool has_pulse(const struct keeper *keeper)
{
	return keeper->judge.phase == JUDGE_BOOTING && !keeper->emulator.firecracker;
}

const char *keeper_feel(struct keeper *keeper)
{
	return has_pulse(keeper) ? pulse_feel(&keeper->pulse, keeper->emulator.pid) : NULL;
}

int keeper_last(struct keeper *keeper)
{
	emulator_await(&keeper->emulator, EMULATOR_PATIENCE_MS);
	return emulator_end(&keeper->emulator);
}

bool keeper_gave_up(const struct keeper *keeper, int status)
{
	return keeper->judge.phase == JUDGE_BOOTING && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The guest's bytes; at their end the emulator's own words. A guest that has not come by the vsock
 * has none to read, and the emulator's end alone leads here. */
static void on_channel(struct keeper *keeper)
{
	for (int i = 0; i < READS_AT_ONCE && keeper->state == KEEPER_RUNS; i++) {
		size_t room = 0;
		uint8_t *bytes = inbox_free(&keeper->inbox, &room);
		ssize_t len = recv(keeper->channel, bytes, room, MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0) {
			int status = keeper_last(keeper);

			emulator_why(&keeper->emulator, status,
				keeper->judge.phase >= JUDGE_STARTED
					? "the VM ended before its worker did"
					: "the VM ended before its worker started",
				&keeper->failure);
			if (keeper_gave_up(keeper, status))
				keeper->failure.code = MACHINE_NOT_UP;
			relay_end(keeper);
			return;
		}
		inbox_filled(&keeper->inbox, (size_t)len);
		take_frames(keeper);
		if ((size_t)len < room)
			return;
	}
}

static void flush(struct keeper *keeper)
{
	while (keeper->state == KEEPER_RUNS && !outbox_is_empty(&keeper->outbox)) {
		size_t len = 0;
		const uint8_t *bytes = outbox_bytes(&keeper->outbox, &len);
		ssize_t n = send(keeper->channel, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		/* An end is seen where it is read. */
		if (n < 0)
			return;
		outbox_left(&keeper->outbox, (size_t)n);
	}
}

/* All that can be done without waiting. */
static void advance(struct keeper *keeper)
{
	relay_specification(keeper);
	if (keeper->judge.phase >= JUDGE_READY)
		source_pump(&keeper->input, &keeper->outbox);
	for (int i = 0; i < 2; i++)
		sink_speak(&keeper->output[i], &keeper->outbox);
	network_speak(&keeper->network, &keeper->outbox);
	flush(keeper);
}

static bool specified(const struct keeper *keeper)
{
	return keeper->set_up && keeper->spec_left == 0;
}

/* Returns how many there are. */
static size_t watch(struct keeper *keeper)
{
	struct pollfd *fds = keeper->watched;
	bool runs = keeper->state == KEEPER_RUNS;
	bool sends = !outbox_is_empty(&keeper->outbox) ||
		     (keeper->judge.phase >= JUDGE_GREETED && !specified(keeper));
	bool listens = !runs ||
		       (specified(keeper) && outbox_has_room(&keeper->outbox, CONTROL_MAX));
	bool reads = runs && keeper->judge.phase >= JUDGE_READY &&
		     source_wants(&keeper->input, &keeper->outbox);

	fds[WATCH_CONTROL] = (struct pollfd){MACHINE_SLOT_CONTROL, listens ? POLLIN : 0, 0};
	fds[WATCH_CHANNEL] = (struct pollfd){
		runs ? keeper->channel : -1, sends ? POLLIN | POLLOUT : POLLIN, 0};
	fds[WATCH_EMULATOR] = (struct pollfd){runs ? keeper->emulator.pidfd : -1, POLLIN, 0};
	fds[WATCH_COMPLAINTS] = (struct pollfd){runs ? keeper->emulator.complaints : -1, POLLIN, 0};
	fds[WATCH_INPUT] = (struct pollfd){reads ? keeper->input.from.fd : -1, POLLIN, 0};
	for (int i = 0; i < 2; i++)
		fds[WATCH_STDOUT + i] = (struct pollfd){
			keeper->output[i].to.fd, sink_events(&keeper->output[i]), 0};
	vsock_watch(&keeper->vsock, fds + WATCH_VSOCK);
	return network_watch(&keeper->network, runs ? &keeper->outbox : NULL, fds, WATCHED);
}

static int patience(const struct keeper *keeper)
{
	int64_t left;

	if (keeper->state == KEEPER_RUNS && has_pulse(keeper) && !keeper->deadline)
		return PULSE_EVERY_MS;
	if (!keeper->deadline ||
		(keeper->state == KEEPER_DRAINS && !network_holds(&keeper->network)))
		return -1;
	left = keeper->deadline - clock_ms();
	return left > 0 ? (int)left : 0;
}

static void on_control(struct keeper *keeper, short revents)
{
	if (revents & POLLIN)
		relay_down(keeper);
	else if (revents & (POLLHUP | POLLERR))
		keeper->state = KEEPER_DONE;
}

static void react(struct keeper *keeper)
{
	const struct pollfd *fds = keeper->watched;
	int channel = vsock_react(&keeper->vsock, fds + WATCH_VSOCK);

	if (channel >= 0)
		keeper->channel = channel;
	on_control(keeper, fds[WATCH_CONTROL].revents);
	for (int i = 0; i < 2; i++)
		sink_polled(&keeper->output[i], fds[WATCH_STDOUT + i].revents);
	network_react(&keeper->network, fds, keeper->state == KEEPER_RUNS ? &keeper->outbox : NULL);
	if (fds[WATCH_COMPLAINTS].revents)
		emulator_listen(&keeper->emulator);
	if (keeper->state == KEEPER_RUNS && fds[WATCH_CHANNEL].revents & ~POLLOUT)
		on_channel(keeper);
	/* Its last frames are read first: the end of the channel follows them. */
	else if (keeper->state == KEEPER_RUNS && fds[WATCH_EMULATOR].revents)
		on_channel(keeper);
}

size_t keeper_most(uint32_t connections)
{
	return WATCHED + network_most(connections);
}

/* What the worker wrote waits for its reader as long as that takes; the network does not. */
static bool is_drained(const struct keeper *keeper)
{
	return sink_is_done(&keeper->output[0]) && sink_is_done(&keeper->output[1]) &&
	       (!network_holds(&keeper->network) || clock_ms() >= keeper->deadline);
}

static void give_up(struct keeper *keeper)
{
	if (keeper->state == KEEPER_DRAINS)
		network_end(&keeper->network);
	else
		keeper_fail(keeper, ETIMEDOUT, "machine",
			"the guest did not end its worker when it was told to");
}

static void feel(struct keeper *keeper)
{
	const char *why = keeper->state == KEEPER_RUNS ? keeper_feel(keeper) : NULL;

	if (why)
		keeper_fail(keeper, MACHINE_NOT_UP, "machine", why);
}

void keeper_run(struct keeper *keeper)
{
	while (keeper->state != KEEPER_DONE) {
		size_t count;
		int timeout;

		if (keeper->state == KEEPER_RUNS)
			advance(keeper);
		if (keeper->state == KEEPER_DRAINS) {
			/* It has told all there is; none of it has to end in an orderly way. */
			emulator_end(&keeper->emulator);
			if (is_drained(keeper)) {
				relay_end(keeper);
				break;
			}
		}
		count = watch(keeper);
		timeout = patience(keeper);
		if (timeout == 0)
			give_up(keeper);
		else if (poll(keeper->watched, count, timeout) > 0)
			react(keeper);
		feel(keeper);
	}
	emulator_end(&keeper->emulator);
}
