/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest keeps to the order of frame.h: it is hostile, and one step out of order ends the
 * VM. What it may send of a stream is counted by the stream itself (flow.h). Pure. */
#ifndef KS_VM_CHANNEL_JUDGE_H
#define KS_VM_CHANNEL_JUDGE_H

#include "linux/control.h"
#include "vm/channel/frame.h"

enum judge_phase {
	JUDGE_BOOTING, /* HELLO is awaited */
	JUDGE_GREETED,
	JUDGE_READY, /* its init has read the spec */
	JUDGE_STARTED, /* the program runs */
	JUDGE_OVER, /* it has ended, or failed to start */
};

#define JUDGE_MAX_DENIALS 128 /* init's own bound is 64, and the program's own one on top */

/* All zero at first. */
struct judge {
	enum judge_phase phase;
	bool waits; /* it was told to say ARMED, and has not yet: set by who told it */
	bool usage; /* has come */
	bool ended[STREAMS]; /* EOF, or RESET, has come */
	unsigned denials;
};

/* NULL: in order, and the phase is the next one. Else why not, as words for people; the judge is of
 * no use any more. The header has passed frame_fault(). */
const char *judge_frame(
	struct judge *judge, const struct frame_header *header, const uint8_t *payload);

/* What the message of a CONTROL frame carries, once it has passed. */
struct judge_control {
	struct control_header header;
	const uint8_t *data;
	size_t len;
};

struct judge_control judge_control(const struct frame_header *header, const uint8_t *payload);

#endif
