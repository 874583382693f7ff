/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of a tool against a model that knows no states: it keeps what has happened to each
 * worker, and says from that what may be done with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "workers/slot.h"

#define SLOTS 5

static unsigned long seed;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

struct model {
	bool alive; /* a worker, or its start */
	bool started;
	bool lent;
	bool dying;
	bool unwanted;
	uint64_t born, returned, requests;
	unsigned failures;
	uint64_t failed_at;
};

struct world {
	struct slot slots[SLOTS];
	struct model models[SLOTS];
	struct slot_limits limits;
	size_t n;
	uint64_t now;
	unsigned long events;
};

static uint64_t pause_after(const struct world *world, unsigned failures)
{
	/* 1, 2, 4, ... times the first, up to the longest. */
	uint64_t pause = failures ? world->limits.backoff_ms : 0;

	while (failures-- > 1 && pause < world->limits.max_backoff_ms)
		pause += pause;
	return pause < world->limits.max_backoff_ms ? pause : world->limits.max_backoff_ms;
}

static uint64_t may_start_at(const struct world *world, const struct model *model)
{
	return model->failed_at + pause_after(world, model->failures);
}

static bool expired(const struct world *world, const struct model *model)
{
	const struct slot_limits *limits = &world->limits;

	return (limits->max_age_ms && world->now - model->born >= limits->max_age_ms) ||
	       (limits->idle_ms && world->now - model->returned >= limits->idle_ms);
}

static bool is_idle(const struct model *model)
{
	return model->alive && model->started && !model->lent && !model->dying;
}

static enum slot_action happen(struct world *world, size_t i, enum slot_event event)
{
	world->events++;
	return slot_event(&world->slots[i], &world->limits, event, world->now);
}

static void expect(struct world *world, size_t i, enum slot_event event, enum slot_action wanted)
{
	enum slot_action action = happen(world, i, event);

	if (action != wanted)
		fail_msg("event %d gave action %d, not %d", event, action, wanted);
}

static void gone(struct world *world, size_t i)
{
	struct model *model = &world->models[i];

	expect(world, i, SLOT_GONE, SLOT_NOTHING);
	model->alive = model->dying = model->lent = model->started = false;
}

static void failed(struct world *world, size_t i)
{
	struct model *model = &world->models[i];

	expect(world, i, SLOT_FAILED, SLOT_KILL);
	model->failures++;
	model->failed_at = world->now;
	model->dying = true;
	model->lent = false;
}

static void check_take(struct world *world, size_t index)
{
	struct model *model = &world->models[index];

	assert_true(is_idle(model) && !expired(world, model) && !world->slots[index].held);
	for (size_t i = 0; i < world->n; i++) {
		const struct model *other = &world->models[i];

		if (is_idle(other) && !expired(world, other) && !world->slots[i].held)
			assert_true(model->returned >= other->returned);
	}
	expect(world, index, SLOT_TAKE, SLOT_NOTHING);
	model->lent = true;
}

static void check_start(struct world *world, size_t index)
{
	struct model *model = &world->models[index];

	assert_false(model->alive);
	assert_true(world->now >= may_start_at(world, model));
	for (size_t i = 0; i < world->n; i++)
		assert_false(is_idle(&world->models[i]) && !expired(world, &world->models[i]) &&
			     !world->slots[i].held);
	expect(world, index, SLOT_START, SLOT_NOTHING);
	model->alive = true;
	model->started = model->unwanted = false;
	model->requests = 0;
}

static void check_wait(struct world *world, const struct slot_pick *pick)
{
	uint64_t first = SLOT_NEVER;
	bool any = false;

	for (size_t i = 0; i < world->n; i++) {
		const struct model *model = &world->models[i];
		uint64_t at = may_start_at(world, model);

		any = any || model->alive;
		if (model->alive) {
			assert_false(
				is_idle(model) && !expired(world, model) && !world->slots[i].held);
			continue;
		}
		assert_true(at > world->now);
		first = at < first ? at : first;
	}
	assert_int_equal(pick->choice, any ? SLOT_CHOOSE_WAIT : SLOT_CHOOSE_BACKOFF);
	assert_int_equal(pick->at, first);
}

static void act_acquire(struct world *world)
{
	struct slot_pick pick = slot_pick(world->slots, world->n, &world->limits, world->now);

	if (pick.choice == SLOT_CHOOSE_TAKE)
		check_take(world, pick.index);
	else if (pick.choice == SLOT_CHOOSE_START)
		check_start(world, pick.index);
	else
		check_wait(world, &pick);
}

static void act_release(struct world *world, size_t i)
{
	struct model *model = &world->models[i];
	const struct slot_limits *limits = &world->limits;
	bool ends = limits->single_use || model->unwanted ||
		    (limits->max_requests && model->requests >= limits->max_requests) ||
		    (limits->max_age_ms && world->now - model->born >= limits->max_age_ms);

	expect(world, i, SLOT_RELEASE, ends ? SLOT_END : SLOT_NOTHING);
	model->lent = false;
	model->dying = ends;
	model->returned = world->now;
}

static void act_request(struct world *world, size_t i)
{
	struct model *model = &world->models[i];

	expect(world, i, SLOT_REQUEST, SLOT_NOTHING);
	model->requests++;
	switch (random_below(6)) {
	case 0:
		failed(world, i);
		break;
	case 1:
		expect(world, i, SLOT_CANCEL, SLOT_KILL);
		model->lent = false;
		model->dying = true;
		break;
	default:
		expect(world, i, SLOT_ANSWERED, SLOT_NOTHING);
		model->failures = 0;
		break;
	}
}

static void act_tick(struct world *world, size_t i)
{
	struct model *model = &world->models[i];
	bool ends = is_idle(model) && expired(world, model);
	uint64_t due = slot_due(&world->slots[i], &world->limits);

	assert_int_equal(ends, due <= world->now);
	expect(world, i, SLOT_TICK, ends ? SLOT_END : SLOT_NOTHING);
	model->dying = model->dying || ends;
}

static void act_retire(struct world *world, size_t i)
{
	struct model *model = &world->models[i];
	bool ends = is_idle(model);

	expect(world, i, SLOT_RETIRE, ends ? SLOT_END : SLOT_NOTHING);
	model->unwanted = model->alive;
	model->dying = model->dying || ends;
}

/* What may happen to one worker, whichever it is. */
static void act_on(struct world *world, size_t i)
{
	struct model *model = &world->models[i];

	if (random_below(8) == 0) {
		act_retire(world, i);
	} else if (!model->alive) {
		act_tick(world, i);
	} else if (model->dying) {
		gone(world, i);
	} else if (!model->started && random_below(3) == 0) {
		failed(world, i);
	} else if (!model->started) {
		expect(world, i, SLOT_STARTED, SLOT_NOTHING);
		model->started = model->lent = true;
		model->born = world->now;
	} else if (model->lent) {
		(random_below(2) ? act_request : act_release)(world, i);
	} else if (random_below(5) == 0) {
		failed(world, i);
	} else {
		act_tick(world, i);
		world->slots[i].held = world->slots[i].state == SLOT_IDLE && random_below(4) == 0;
	}
}

/* An event that the state does not know changes nothing. */
static void act_wrong(struct world *world, size_t i)
{
	struct slot before = world->slots[i];
	struct slot copy = before;
	enum slot_event event = (enum slot_event)random_below(SLOT_EVENTS);

	if (slot_event(&copy, &world->limits, event, world->now) == SLOT_REFUSED)
		assert_memory_equal(&copy, &before, sizeof(copy));
}

static struct world new_world(void)
{
	struct world world = {.n = 1 + random_below(SLOTS), .now = 1000};

	world.limits = (struct slot_limits){
		.single_use = random_below(4) == 0,
		.idle_ms = random_below(3) * 40,
		.max_age_ms = random_below(3) * 90,
		.max_requests = random_below(4),
		.backoff_ms = random_below(4) * 7,
		.max_backoff_ms = 60,
	};
	return world;
}

static void random_lives_follow_the_model(void **state)
{
	unsigned long events = 0;

	(void)state;
	seed = 2463534242;
	for (int life = 0; life < 4000; life++) {
		struct world world = new_world();

		for (int step = 0; step < 200; step++) {
			size_t i = random_below(world.n);

			world.now += random_below(3) ? random_below(4) : random_below(60);
			if (random_below(3) == 0)
				act_acquire(&world);
			else
				act_on(&world, i);
			act_wrong(&world, i);
		}
		events += world.events;
	}
	assert_true(events > 400000);
}

static void backoff_doubles_up_to_a_minute(void **state)
{
	static const uint64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct slot_limits limits = {.backoff_ms = 1000, .max_backoff_ms = 60000};
	struct slot slot = {.state = SLOT_EMPTY};
	uint64_t now = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		struct slot_pick pick;

		assert_int_equal(slot_event(&slot, &limits, SLOT_START, now), SLOT_NOTHING);
		assert_int_equal(slot_event(&slot, &limits, SLOT_FAILED, now), SLOT_KILL);
		assert_int_equal(slot_event(&slot, &limits, SLOT_GONE, now), SLOT_NOTHING);
		assert_int_equal(
			slot_event(&slot, &limits, SLOT_START, now + pauses[i] - 1), SLOT_REFUSED);
		pick = slot_pick(&slot, 1, &limits, now);
		assert_int_equal(pick.choice, SLOT_CHOOSE_BACKOFF);
		assert_int_equal(pick.at, now + pauses[i]);
		now = pick.at;
	}
	/* An answer sets it back. */
	assert_int_equal(slot_event(&slot, &limits, SLOT_START, now), SLOT_NOTHING);
	assert_int_equal(slot_event(&slot, &limits, SLOT_STARTED, now), SLOT_NOTHING);
	assert_int_equal(slot_event(&slot, &limits, SLOT_ANSWERED, now), SLOT_NOTHING);
	assert_int_equal(slot_event(&slot, &limits, SLOT_FAILED, now), SLOT_KILL);
	assert_int_equal(slot_event(&slot, &limits, SLOT_GONE, now), SLOT_NOTHING);
	assert_int_equal(slot_pick(&slot, 1, &limits, now).at, now + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lives_follow_the_model),
		cmocka_unit_test(backoff_doubles_up_to_a_minute),
	};

	return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
