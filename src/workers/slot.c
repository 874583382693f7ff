/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/slot.h"

static uint64_t later(uint64_t time, uint64_t more)
{
	return more >= SLOT_NEVER - time ? SLOT_NEVER : time + more;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool too_old(const struct slot *slot, const struct slot_limits *limits, uint64_t now)
{
	return limits->max_age_ms && now >= later(slot->born, limits->max_age_ms);
}

static bool used_up(const struct slot *slot, const struct slot_limits *limits, uint64_t now)
{
	return limits->single_use || slot->unwanted || too_old(slot, limits, now) ||
	       (limits->max_requests && slot->requests >= limits->max_requests);
}

static bool unused(const struct slot *slot, const struct slot_limits *limits, uint64_t now)
{
	return limits->idle_ms && now >= later(slot->idle_since, limits->idle_ms);
}

static uint64_t backoff(const struct slot *slot, const struct slot_limits *limits)
{
	uint64_t pause = limits->backoff_ms;

	for (unsigned i = 1; i < slot->failures && pause < limits->max_backoff_ms; i++)
		pause *= 2;
	return earlier(pause, limits->max_backoff_ms);
}

static enum slot_action become(struct slot *slot, enum slot_state state, enum slot_action action)
{
	slot->state = state;
	return action;
}

static enum slot_action fail(struct slot *slot, const struct slot_limits *limits, uint64_t now)
{
	if (slot->failures < UINT32_MAX)
		slot->failures++;
	slot->retry_at = later(now, backoff(slot, limits));
	return become(slot, SLOT_ENDING, SLOT_KILL);
}

static enum slot_action while_empty(struct slot *slot, enum slot_event event, uint64_t now)
{
	if (event == SLOT_TICK || event == SLOT_RETIRE)
		return SLOT_NOTHING;
	if (event != SLOT_START || now < slot->retry_at)
		return SLOT_REFUSED;
	slot->requests = 0;
	slot->unwanted = slot->held = false;
	return become(slot, SLOT_STARTING, SLOT_NOTHING);
}

static enum slot_action while_starting(
	struct slot *slot, const struct slot_limits *limits, enum slot_event event, uint64_t now)
{
	switch (event) {
	case SLOT_STARTED:
		slot->born = now;
		return become(slot, SLOT_BUSY, SLOT_NOTHING);
	case SLOT_FAILED:
		return fail(slot, limits, now);
	case SLOT_RETIRE:
		slot->unwanted = true;
		return SLOT_NOTHING;
	case SLOT_TICK:
		return SLOT_NOTHING;
	default:
		return SLOT_REFUSED;
	}
}

static enum slot_action while_busy(
	struct slot *slot, const struct slot_limits *limits, enum slot_event event, uint64_t now)
{
	switch (event) {
	case SLOT_REQUEST:
		slot->requests++;
		return SLOT_NOTHING;
	case SLOT_ANSWERED:
		slot->failures = 0;
		return SLOT_NOTHING;
	case SLOT_FAILED:
		return fail(slot, limits, now);
	case SLOT_CANCEL:
		return become(slot, SLOT_ENDING, SLOT_KILL);
	case SLOT_RELEASE:
		if (used_up(slot, limits, now))
			return become(slot, SLOT_ENDING, SLOT_END);
		slot->idle_since = now;
		return become(slot, SLOT_IDLE, SLOT_NOTHING);
	case SLOT_RETIRE:
		slot->unwanted = true;
		return SLOT_NOTHING;
	case SLOT_TICK:
		return SLOT_NOTHING;
	default:
		return SLOT_REFUSED;
	}
}

static enum slot_action while_idle(
	struct slot *slot, const struct slot_limits *limits, enum slot_event event, uint64_t now)
{
	bool due = too_old(slot, limits, now) || unused(slot, limits, now);

	switch (event) {
	case SLOT_TAKE:
		if (slot->held)
			return SLOT_REFUSED;
		return due ? become(slot, SLOT_ENDING, SLOT_END)
			   : become(slot, SLOT_BUSY, SLOT_NOTHING);
	case SLOT_TICK:
		return due ? become(slot, SLOT_ENDING, SLOT_END) : SLOT_NOTHING;
	case SLOT_RETIRE:
		return become(slot, SLOT_ENDING, SLOT_END);
	case SLOT_FAILED:
		return fail(slot, limits, now);
	default:
		return SLOT_REFUSED;
	}
}

static enum slot_action while_ending(struct slot *slot, enum slot_event event)
{
	if (event == SLOT_GONE)
		return become(slot, SLOT_EMPTY, SLOT_NOTHING);
	return event == SLOT_TICK || event == SLOT_RETIRE ? SLOT_NOTHING : SLOT_REFUSED;
}

enum slot_action slot_event(
	struct slot *slot, const struct slot_limits *limits, enum slot_event event, uint64_t now)
{
	switch (slot->state) {
	case SLOT_EMPTY:
		return while_empty(slot, event, now);
	case SLOT_STARTING:
		return while_starting(slot, limits, event, now);
	case SLOT_BUSY:
		return while_busy(slot, limits, event, now);
	case SLOT_IDLE:
		return while_idle(slot, limits, event, now);
	case SLOT_ENDING:
		return while_ending(slot, event);
	}
	return SLOT_REFUSED;
}

uint64_t slot_due(const struct slot *slot, const struct slot_limits *limits)
{
	uint64_t due = SLOT_NEVER;

	if (slot->state != SLOT_IDLE)
		return due;
	if (limits->idle_ms)
		due = later(slot->idle_since, limits->idle_ms);
	if (limits->max_age_ms)
		due = earlier(due, later(slot->born, limits->max_age_ms));
	return due;
}

static bool usable(const struct slot *slot, const struct slot_limits *limits, uint64_t now)
{
	return slot->state == SLOT_IDLE && !slot->held && now < slot_due(slot, limits);
}

struct slot_pick slot_pick(
	const struct slot *slots, size_t len, const struct slot_limits *limits, uint64_t now)
{
	struct slot_pick pick = {SLOT_CHOOSE_BACKOFF, len, SLOT_NEVER};

	for (size_t i = 0; i < len; i++) {
		const struct slot *slot = &slots[i];

		if (usable(slot, limits, now)) {
			if (pick.choice != SLOT_CHOOSE_TAKE ||
				slot->idle_since > slots[pick.index].idle_since)
				pick = (struct slot_pick){SLOT_CHOOSE_TAKE, i, now};
		} else if (pick.choice == SLOT_CHOOSE_TAKE || pick.choice == SLOT_CHOOSE_START) {
			continue;
		} else if (slot->state != SLOT_EMPTY) {
			pick.choice = SLOT_CHOOSE_WAIT;
		} else if (slot->retry_at <= now) {
			pick = (struct slot_pick){SLOT_CHOOSE_START, i, now};
		} else {
			pick.at = earlier(pick.at, slot->retry_at);
		}
	}
	return pick;
}
