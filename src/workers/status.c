/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "workers/manager.h"

static void count(const struct pool *pool, struct ks_workers_status *status)
{
	uint64_t *const by_state[] = {
		[SLOT_EMPTY] = NULL,
		[SLOT_STARTING] = &status->starting,
		[SLOT_IDLE] = &status->idle,
		[SLOT_BUSY] = &status->busy,
		[SLOT_ENDING] = &status->ending,
	};

	for (size_t i = 0; i < pool->len; i++)
		if (by_state[pool->slots[i].state])
			++*by_state[pool->slots[i].state];
}

static struct ks_workers_status status_of(const struct pool *pool)
{
	const struct counters *counters = &pool->counters;
	struct ks_workers_status status = {
		.waiting = pool->waiting,
		.slots = pool->len,
		.jails_waiting = pool->prepared ? ks_prepared_waiting(pool->prepared) : 0,
		.calls = counters->calls,
		.faults = counters->faults,
		.starts = counters->starts,
		.restarts = counters->restarts,
		.retired = counters->retired,
		.crashes = counters->crashes,
		.last_fault = counters->last_fault,
		.last_outcome = counters->last_outcome,
		.last_exit_code = counters->last_exit_code,
		.last_signal = counters->last_signal,
		.ended = counters->ended,
	};
	uint64_t now = clock_now();
	struct slot_pick pick = slot_pick(pool->slots, pool->len, &pool->limits, now);

	count(pool, &status);
	if (pick.choice == SLOT_CHOOSE_BACKOFF && pick.at != SLOT_NEVER)
		status.backoff_ms = pick.at - now;
	return status;
}

int ks_workers_status(ks_workers *workers, const char *tool, struct ks_workers_status *ret_status)
{
	struct ks_workers_status status = {0};
	size_t size = ret_status->size;
	const struct pool *pool;

	pthread_mutex_lock(&workers->lock);
	pool = pool_find(workers, tool);
	if (pool)
		status = status_of(pool);
	pthread_mutex_unlock(&workers->lock);
	if (!pool)
		return -ENOENT;
	status.size = size;
	memcpy(ret_status, &status, size < sizeof(status) ? size : sizeof(status));
	return 0;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* The numbers, by their names in the structure. */
static json_t *numbers_to_json(json_t *json, const struct ks_workers_status *status)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"waiting", status->waiting},
		{"slots", status->slots},
		{"starting", status->starting},
		{"idle", status->idle},
		{"busy", status->busy},
		{"ending", status->ending},
		{"jails_waiting", status->jails_waiting},
		{"calls", status->calls},
		{"faults", status->faults},
		{"starts", status->starts},
		{"restarts", status->restarts},
		{"retired", status->retired},
		{"crashes", status->crashes},
		{"backoff_ms", status->backoff_ms},
		{"ended", status->ended},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json = json_with(json, rows[i].name, number(rows[i].value));
	return json;
}

static json_t *last_outcome_to_json(const struct ks_workers_status *status)
{
	json_t *json;

	if (!status->ended)
		return json_null();
	json = json_with(
		json_object(), "type", json_string(ks_outcome_type_name(status->last_outcome)));
	json = json_with(json, "exit_code",
		status->last_exit_code >= 0 ? json_integer(status->last_exit_code) : json_null());
	return json_with(json, "signal",
		status->last_signal ? json_integer(status->last_signal) : json_null());
}

static json_t *status_to_json(const struct ks_workers_status *status)
{
	json_t *json = numbers_to_json(json_object(), status);

	json = json_with(json, "last_fault",
		status->last_fault ? json_string(ks_fault_name(status->last_fault)) : json_null());
	return json_with(json, "last_outcome", last_outcome_to_json(status));
}

int ks_workers_json(ks_workers *workers, char **ret_text)
{
	json_t *tools = json_object();
	json_t *json;
	char *text = NULL;

	pthread_mutex_lock(&workers->lock);
	for (const struct pool *pool = workers->pools; pool; pool = pool->next) {
		struct ks_workers_status status = status_of(pool);

		if (!pool->closed)
			tools = json_with(tools, pool->tool->name, status_to_json(&status));
	}
	pthread_mutex_unlock(&workers->lock);
	json = json_with(json_object(), "tools", tools);
	if (json)
		text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
