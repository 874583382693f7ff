/* SPDX-License-Identifier: Apache-2.0 */
/* The place of one worker of a tool, as a state machine. Pure: time comes in as milliseconds of one
 * monotonic clock, what happened as an event, and what has to be done comes out as an action.
 *
 *   EMPTY --START--> STARTING --STARTED--> BUSY --RELEASE--> IDLE --TAKE--> BUSY ...
 *
 * From everywhere but EMPTY a worker goes by ENDING, where it stays until everything of it is gone;
 * so that there are never more workers than slots. */
#ifndef KS_WORKERS_SLOT_H
#define KS_WORKERS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_NEVER UINT64_MAX

enum slot_state {
	SLOT_EMPTY,
	SLOT_STARTING, /* somebody starts a worker, and will have it */
	SLOT_IDLE, /* warm, and nobody's */
	SLOT_BUSY, /* on loan */
	SLOT_ENDING,
};

enum slot_event {
	SLOT_START, /* a worker is going to be started */
	SLOT_STARTED,
	SLOT_TAKE, /* the idle worker is wanted */
	SLOT_REQUEST, /* the busy one gets a request */
	SLOT_ANSWERED, /* and has answered it */
	SLOT_FAILED, /* it could not be started, or crashed, or cannot be trusted any more */
	SLOT_CANCEL, /* the caller has given a request up: in this stream nothing is sure now */
	SLOT_RELEASE, /* it is given back */
	SLOT_TICK, /* time has passed */
	SLOT_RETIRE, /* it is not wanted any more: its tool has changed, or all ends */
	SLOT_GONE, /* nothing of it is left */
	SLOT_EVENTS
};

enum slot_action {
	SLOT_NOTHING,
	SLOT_END, /* end it: it has done nothing wrong, and may take its time */
	SLOT_KILL, /* end it at once */
	SLOT_REFUSED, /* this cannot happen in that state; nothing has changed */
};

/* 0 = unlimited, but for back-off, where 0 is none. */
struct slot_limits {
	bool single_use;
	uint64_t idle_ms;
	uint64_t max_age_ms;
	uint64_t max_requests;
	uint64_t backoff_ms; /* after the first failure; it doubles with each further one */
	uint64_t max_backoff_ms;
};

struct slot {
	enum slot_state state;
	bool held; /* idle, but somebody looks at it: not to be taken now */
	bool unwanted; /* ends as soon as it is given back */
	unsigned failures; /* since the last answer */
	uint64_t retry_at; /* no start before this time */
	uint64_t born;
	uint64_t idle_since;
	uint64_t requests;
};

enum slot_action slot_event(
	struct slot *slot, const struct slot_limits *limits, enum slot_event event, uint64_t now);

/* When SLOT_TICK has something to do, or SLOT_NEVER. */
uint64_t slot_due(const struct slot *slot, const struct slot_limits *limits);

/* What somebody who wants a worker should do with one of the slots. */
enum slot_choice {
	SLOT_CHOOSE_TAKE, /* take the idle worker of slot number index */
	SLOT_CHOOSE_START, /* start one in slot number index */
	SLOT_CHOOSE_WAIT, /* until one is given back or gone, or for the time at */
	SLOT_CHOOSE_BACKOFF, /* until the time at: all of them have failed, and none can come back
			      */
};

struct slot_pick {
	enum slot_choice choice;
	size_t index;
	uint64_t at; /* SLOT_NEVER: time alone changes nothing */
};

/* Prefers the worker that was used last, so that those which are not needed grow old; then a new
 * one. */
struct slot_pick slot_pick(
	const struct slot *slots, size_t len, const struct slot_limits *limits, uint64_t now);

#endif
