/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/judge.h"

#include <string.h>
#include <sys/wait.h>

#define LAST_ERRNO 4095
#define LAST_SIGNAL 64

struct judge_control judge_control(const struct frame_header *header, const uint8_t *payload)
{
	struct judge_control control = {.data = payload + sizeof(struct control_header),
		.len = header->len - sizeof(struct control_header)};

	memcpy(&control.header, payload, sizeof(control.header));
	return control;
}

static const char *hello(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	uint32_t version;

	(void)header;
	memcpy(&version, payload, sizeof(version));
	if (judge->phase != JUDGE_BOOTING)
		return "it is there twice";
	if (version != CHANNEL_VERSION)
		return "the guest's init and kastellan-vm are of different versions";
	judge->phase = JUDGE_GREETED;
	return NULL;
}

static const char *data(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	(void)payload;
	if (judge->phase < JUDGE_READY)
		return "it comes before the worker";
	if (judge->ended[header->stream])
		return "it comes after the end of its stream";
	if (judge->usage)
		return "it comes after the end of the worker";
	if (header->type == FRAME_EOF)
		judge->ended[header->stream] = true;
	return NULL;
}

static const char *answer(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	uint32_t len;

	if (header->type == FRAME_WINDOW) {
		memcpy(&len, payload, sizeof(len));
		return len ? NULL : "it gives nothing back";
	}
	if (judge->ended[header->stream])
		return "it is there twice";
	judge->ended[header->stream] = true;
	return NULL;
}

static const char *usage(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	(void)header;
	(void)payload;
	if (judge->phase != JUDGE_STARTED)
		return "nothing has started";
	if (judge->usage)
		return "it is there twice";
	judge->usage = true;
	return NULL;
}

static const char *armed(struct judge *judge, const struct judge_control *control)
{
	if (judge->phase != JUDGE_GREETED || !judge->waits)
		return "ARMED was not asked for";
	if (control->len || control->header.value)
		return "ARMED says more than it can";
	judge->waits = false;
	return NULL;
}

static const char *ready(struct judge *judge, const struct judge_control *control)
{
	if (judge->phase != JUDGE_GREETED)
		return "READY is there twice";
	if (control->len || control->header.value)
		return "READY says more than it can";
	judge->phase = JUDGE_READY;
	return NULL;
}

static const char *started(struct judge *judge, const struct judge_control *control)
{
	if (judge->phase != JUDGE_READY)
		return "STARTED does not follow READY";
	if (control->len || control->header.value <= 0)
		return "STARTED names no process";
	judge->phase = JUDGE_STARTED;
	return NULL;
}

static const char *denied(struct judge *judge, const struct judge_control *control)
{
	struct control_denied what;

	if (judge->phase < JUDGE_READY)
		return "DENIED comes before READY";
	if (control->len != sizeof(what) || control->header.value < 0)
		return "DENIED names no call";
	memcpy(&what, control->data, sizeof(what));
	if (what.is_main > 1 || what.zero)
		return "DENIED has an impossible number in it";
	if (++judge->denials > JUDGE_MAX_DENIALS)
		return "DENIED comes too often";
	return NULL;
}

/* Two strings, each with its NUL, and nothing else. */
static bool are_two_strings(const uint8_t *text, size_t len)
{
	const uint8_t *first = len ? memchr(text, '\0', len) : NULL;
	size_t rest;

	if (!first || first == text)
		return false;
	rest = len - (size_t)(first + 1 - text);
	return rest > 0 && memchr(first + 1, '\0', rest) == text + len - 1;
}

static const char *failed(struct judge *judge, const struct judge_control *control)
{
	if (judge->phase >= JUDGE_STARTED)
		return "FAILED comes after STARTED";
	if (control->header.value <= 0 || control->header.value > LAST_ERRNO)
		return "FAILED has no error's number";
	if (!are_two_strings(control->data, control->len))
		return "FAILED does not say what failed";
	judge->phase = JUDGE_OVER;
	return NULL;
}

static bool is_status(int status)
{
	if (WIFEXITED(status))
		return (status & ~0xff00) == 0;
	return WIFSIGNALED(status) && WTERMSIG(status) <= LAST_SIGNAL && (status & ~0xff) == 0;
}

static const char *ended(struct judge *judge, const struct judge_control *control)
{
	if (judge->phase != JUDGE_STARTED || !judge->usage)
		return "EXIT comes before STARTED and USAGE";
	if (!is_status(control->header.value))
		return "EXIT has no wait status";
	if (control->len != sizeof(struct control_usage))
		return "EXIT has another length";
	judge->phase = JUDGE_OVER;
	return NULL;
}

static const char *control_of(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	const struct judge_control control = judge_control(header, payload);

	switch (control.header.type) {
	case CONTROL_ARMED:
		return armed(judge, &control);
	case CONTROL_READY:
		return ready(judge, &control);
	case CONTROL_STARTED:
		return started(judge, &control);
	case CONTROL_DENIED:
		return denied(judge, &control);
	case CONTROL_FAILED:
		return failed(judge, &control);
	case CONTROL_EXIT:
		return ended(judge, &control);
	default:
		return "it carries a message that no guest sends";
	}
}

/* Which connections there are, the network itself knows. */
static const char *of_network(const struct judge *judge)
{
	if (judge->phase < JUDGE_READY)
		return "it comes before the worker";
	return judge->usage ? "it comes after the end of the worker" : NULL;
}

typedef const char *judge_function(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload);

const char *judge_frame(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload)
{
	static judge_function *const functions[FRAME_TYPES] = {
		[FRAME_HELLO] = hello,
		[FRAME_CONTROL] = control_of,
		[FRAME_DATA] = data,
		[FRAME_EOF] = data,
		[FRAME_WINDOW] = answer,
		[FRAME_RESET] = answer,
		[FRAME_USAGE] = usage,
	};

	if (judge->phase == JUDGE_OVER)
		return "it comes after the end";
	if (judge->phase == JUDGE_BOOTING && header->type != FRAME_HELLO)
		return "it comes before HELLO";
	if (header->stream >= CONNECTION_FIRST || header->type == FRAME_ASK)
		return of_network(judge);
	return functions[header->type](judge, header, payload);
}
