/* SPDX-License-Identifier: Apache-2.0 */
/* Between the supervisor, who is trusted, and the guest, who is not. What the guest says has passed
 * the judge, and is made anew here: the supervisor never gets its bytes, but for the two texts of a
 * failure, in which nothing is left that a terminal would act on. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "linux/control_message.h"
#include "linux/init/message.h"
#include "vm/machine/keeper.h"

#define KILL_PATIENCE_MS 2000 /* for the guest to end its worker and say what it used */
#define NETWORK_PATIENCE_MS 2000 /* for the proxy to take what the worker has sent */

static bool send_setup(struct keeper *keeper)
{
	struct channel_setup setup = {
		.flags = (keeper->has_files ? SETUP_FILES : 0) | (keeper->late ? SETUP_WAIT : 0),
		.memory_bytes = keeper->order->memory_bytes,
		.tasks = keeper->order->tasks,
		.cpu_quota_pct = keeper->order->cpu_quota_pct,
		.connections = keeper->order->connections};
	struct timespec now;

	if (getrandom(setup.seed, sizeof(setup.seed), 0) != sizeof(setup.seed) ||
		clock_gettime(CLOCK_REALTIME, &now) < 0) {
		keeper_fail(keeper, errno, "machine", "random bytes or the time");
		return false;
	}
	setup.seconds = now.tv_sec;
	setup.nanoseconds = (uint32_t)now.tv_nsec;
	keeper->judge.waits = keeper->late;
	return outbox_put(&keeper->outbox, FRAME_SETUP, 0, STREAM_SESSION, &setup, sizeof(setup));
}

/* The time would be old where it is sent before the guest is up. */
void relay_specification(struct keeper *keeper)
{
	if (keeper->judge.phase < JUDGE_GREETED || keeper->state != KEEPER_RUNS)
		return;
	if (!keeper->set_up)
		keeper->set_up = send_setup(keeper);
	while (keeper->set_up && keeper->spec_left > 0) {
		uint32_t room = 0;
		uint8_t *payload = outbox_begin(&keeper->outbox, &room);

		if (!payload)
			return;
		if (room > keeper->spec_left)
			room = (uint32_t)keeper->spec_left;
		memcpy(payload, keeper->spec, room);
		keeper->spec += room;
		keeper->spec_left -= room;
		outbox_commit(&keeper->outbox, FRAME_SPEC, keeper->spec_left ? FRAME_MORE : 0,
			STREAM_SESSION, room);
	}
}

static void pass_down(struct keeper *keeper, const struct control_message *message)
{
	uint8_t payload[CONTROL_MAX];

	memcpy(payload, &message->header, sizeof(message->header));
	memcpy(payload + sizeof(message->header), message->data, message->len);
	outbox_put(&keeper->outbox, FRAME_CONTROL, 0, STREAM_SESSION, payload,
		(uint32_t)(sizeof(message->header) + message->len));
	if (message->header.type == CONTROL_KILL && !keeper->deadline)
		keeper->deadline = clock_ms() + KILL_PATIENCE_MS;
}

void relay_down(struct keeper *keeper)
{
	struct control_message message;
	int r = control_receive(MACHINE_SLOT_CONTROL, &message);

	if (r == 0)
		return;
	/* The supervisor is gone, or what it says cannot be understood: the VM goes too. */
	if (r < 0) {
		keeper->state = KEEPER_DONE;
		return;
	}
	if (keeper->state == KEEPER_RUNS && message.header.type == CONTROL_PROGRAM) {
		program_take(keeper, &message);
		return;
	}
	control_message_drop_fds(&message);
	if (keeper->state == KEEPER_RUNS)
		pass_down(keeper, &message);
	else if (message.header.type == CONTROL_KILL)
		relay_end(keeper);
}

/* What a terminal could act on, or a reader take for the end of the line. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void take_failure(struct keeper *keeper, const struct judge_control *control)
{
	const char *step = (const char *)control->data;

	failure_set(&keeper->failure, control->header.value, step, step + strlen(step) + 1);
	make_plain(keeper->failure.step);
	make_plain(keeper->failure.detail);
	relay_end(keeper);
}

static void take_exit(struct keeper *keeper, const struct judge_control *control)
{
	keeper->status = control->header.value;
	memcpy(&keeper->used, control->data, sizeof(keeper->used));
	keeper->state = KEEPER_DRAINS;
	keeper->deadline = clock_ms() + NETWORK_PATIENCE_MS;
	for (int i = 0; i < 2; i++)
		sink_end(&keeper->output[i]);
}

void relay_up(struct keeper *keeper, const struct judge_control *control)
{
	struct control_denied denied;

	switch (control->header.type) {
	case CONTROL_FAILED:
		take_failure(keeper, control);
		break;
	case CONTROL_EXIT:
		take_exit(keeper, control);
		break;
	case CONTROL_DENIED:
		memcpy(&denied, control->data, sizeof(denied));
		message_send(MACHINE_SLOT_CONTROL, CONTROL_DENIED, control->header.value, &denied,
			sizeof(denied));
		break;
	default: /* ARMED, READY, STARTED */
		message_send(
			MACHINE_SLOT_CONTROL, control->header.type, control->header.value, NULL, 0);
		break;
	}
}

void relay_end(struct keeper *keeper)
{
	keeper->state = KEEPER_DONE;
	network_end(&keeper->network);
	if (keeper->failure.code) {
		failure_send(MACHINE_SLOT_CONTROL, CONTROL_FAILED, &keeper->failure);
		return;
	}
	message_send(MACHINE_SLOT_CONTROL, CONTROL_GUEST_USAGE, 0, &keeper->usage,
		sizeof(keeper->usage));
	message_send(MACHINE_SLOT_CONTROL, CONTROL_EXIT, keeper->status, &keeper->used,
		sizeof(keeper->used));
}
