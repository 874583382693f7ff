/* SPDX-License-Identifier: Apache-2.0 */
/* Many spawns from one process: every backend, good and bad policies, workers that keep and that
 * break their limits, jails built on demand and ahead. Each outcome has to be the one that its row
 * says, and nothing of the process may grow.
 *
 *	soak SPAWNS WORKER SEED [BACKEND,...] [leak]
 *
 * leak: after each spawn some memory and a descriptor are lost on purpose, for the suite to see
 * that it would be seen. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kastellan/kastellan.h>

#include "measure.h"

#define THREADS 2
#define WARM_UP 300 /* or a third */
#define MAX_BACKENDS 4
#define MAX_TOLD 20

/* type KS_OUTCOME_SETUP: step is the one that refuses. */
static const struct row {
	const char *name, *policy, *act;
	enum ks_outcome_type type;
	int code; /* or the signal */
	uint64_t timeout_ms;
	unsigned needs; /* fields that have to be held for this outcome */
	unsigned weight;
} rows[] = {
	{"an end", "{}", "nothing", KS_OUTCOME_EXIT, 0, 0, 0, 12},
	{"a signal", "{}", "signal", KS_OUTCOME_SIGNAL, 10, 0, 0, 4},
	{"a denied write", "{}", "write", KS_OUTCOME_EXIT, 3, 0, 0, 6},
	{"a denied call", "{}", "call", KS_OUTCOME_DENIED, 9, 0, 0, 6},
	{"a survivor", "{}", "survivor", KS_OUTCOME_EXIT, 5, 0, 0, 6},
	{"a flood", "{}", "flood", KS_OUTCOME_EXIT, 6, 0, 0, 4},
	{"too many tasks", "{\"tasks_max\": 8}", "children", KS_OUTCOME_TASKS, 4, 0,
		KS_FIELD_TASKS_MAX, 4},
	{"too much memory", "{\"mem_mb\": 16}", "memory", KS_OUTCOME_OOM, 9, 0, KS_FIELD_MEM_MB, 4},
	{"too much time", "{\"cpu_ms\": 40}", "spin", KS_OUTCOME_CPU, 9, 0, KS_FIELD_CPU_MS, 2},
	{"a deadline", "{}", "wait", KS_OUTCOME_TIMEOUT, 15, 30, 0, 2},
	{"a deadline that is ignored", "{}", "stubborn", KS_OUTCOME_TIMEOUT, 9, 30, 0, 2},
	{"many variables", "{\"env\": [[\"A\", \"1\"], [\"B\", \"2\"]]}", "nothing",
		KS_OUTCOME_EXIT, 0, 0, 0, 3},
	{"another profile", "{\"profile\": \"WorkerNetClient\"}", "nothing", KS_OUTCOME_EXIT, 0, 0,
		0, 3},
	{"a list of endpoints", "{\"net\": {\"Allowlist\": [\"127.0.0.1:9\"]}}", "nothing",
		KS_OUTCOME_EXIT, 0, 0, KS_FIELD_NET, 1},
	{"a grant that is not there", "{\"fs_read\": [\"/not/there\"]}", "nothing",
		KS_OUTCOME_SETUP, ENOENT, 0, 0, 3},
	{"a program that is not there", "{}", NULL, KS_OUTCOME_SETUP, ENOENT, 0, 0, 3},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct place {
	ks_backend *backend;
	unsigned lacking; /* fields that are not held here */
	ks_policy *policies[N_ROWS];
	ks_prepared *prepared; /* of the first row */
};

static struct place places[MAX_BACKENDS];
static unsigned n_places;
static const char *worker;
static int leak;
static atomic_uint left, wrong, counts[KS_OUTCOME_SETUP + 1];

static void tell(const struct place *place, const struct row *row, const char *found, long code)
{
	if (atomic_fetch_add(&wrong, 1) < MAX_TOLD)
		printf("# %s, %s: %s %ld instead of %s %d\n", ks_backend_name(place->backend),
			row->name, found, code, ks_outcome_type_name(row->type), row->code);
}

static void judge(const struct place *place, const struct row *row, const ks_outcome *outcome)
{
	enum ks_outcome_type type = ks_outcome_type(outcome);
	int code = ks_outcome_signal(outcome) ? ks_outcome_signal(outcome)
					      : ks_outcome_exit_code(outcome);

	atomic_fetch_add(&counts[type], 1);
	if (type != row->type || code != row->code)
		tell(place, row, ks_outcome_type_name(type), code);
}

static void judge_failure(
	const struct place *place, const struct row *row, int r, const ks_error *error)
{
	atomic_fetch_add(&counts[KS_OUTCOME_SETUP], 1);
	if (row->type != KS_OUTCOME_SETUP || -r != row->code || !error)
		tell(place, row, error ? ks_error_message(error) : "no error", -r);
}

static void spawn(const struct place *place, const struct row *row)
{
	const char *argv[] = {row->act ? worker : "/not/there", row->act, NULL};
	const struct ks_run_options options = {.size = sizeof(options),
		.allow_degraded = place->lacking,
		.timeout_ms = row->timeout_ms,
		/* A friendly end takes as long as a busy machine takes. */
		.grace_ms = row->code == SIGTERM ? 10000 : 10};
	ks_outcome *outcome = NULL;
	ks_error *error = NULL;
	int r = ks_run(
		place->backend, place->policies[row - rows], argv, &options, &outcome, &error);

	if (r < 0)
		judge_failure(place, row, r, error);
	else
		judge(place, row, outcome);
	ks_outcome_free(outcome);
	ks_error_free(error);
}

static void spawn_prepared(const struct place *place)
{
	const char *argv[] = {worker, "nothing", NULL};
	const struct ks_run_options options = {.size = sizeof(options)};
	ks_child *child = NULL;
	ks_error *error = NULL;
	int r = ks_prepared_fill(place->prepared, &error);

	if (r == 0)
		r = ks_prepared_spawn(place->prepared, argv, &options, &child, &error);
	if (r == 0)
		r = ks_child_wait(child, &error);
	if (r < 0)
		judge_failure(place, &rows[0], r, error);
	else
		judge(place, &rows[0], ks_child_outcome(child));
	ks_child_free(child);
	ks_error_free(error);
}

static unsigned draw(unsigned long *state, unsigned n)
{
	*state = *state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(*state >> 33) % n;
}

static const struct row *draw_row(unsigned long *state)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < N_ROWS; i++)
		sum += rows[i].weight;
	at = draw(state, sum);
	for (const struct row *row = rows;; row++) {
		if (at < row->weight)
			return row;
		at -= row->weight;
	}
}

static void *spawn_many(void *data)
{
	unsigned long *state = data;

	while (atomic_load(&left) > 0) {
		const struct place *place = &places[draw(state, n_places)];
		const struct row *row = draw_row(state);

		if (row->needs & place->lacking)
			continue;
		if (atomic_fetch_sub(&left, 1) - 1 > 1u << 30)
			break;
		if (row == rows && draw(state, 3) == 0)
			spawn_prepared(place);
		else
			spawn(place, row);
		if (leak && (!malloc(4096) || dup(0) < 0))
			break;
	}
	return NULL;
}

static void spawn_so_many(unsigned n, unsigned long *states)
{
	pthread_t threads[THREADS];

	atomic_store(&left, n);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, spawn_many, &states[i]);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static unsigned lacking_of(ks_backend *backend, const ks_policy *policy)
{
	struct ks_receipt_row row = {.size = sizeof(row)};
	ks_plan *plan = NULL;
	unsigned lacking = 0;

	if (ks_plan_new(backend, policy, NULL, &plan, NULL) < 0)
		return 0;
	for (size_t i = 0; ks_plan_receipt(plan, i, &row) == 0; i++)
		if (row.verdict == KS_VERDICT_DEGRADED || row.verdict == KS_VERDICT_ABSENT)
			lacking |= ks_field_from_name(row.field);
	ks_plan_free(plan);
	return lacking;
}

/* The fields that do not hold are looked up with a list of endpoints, which asks for the most. */
static int open_place(ks_backends *backends, const char *name)
{
	struct place *place = &places[n_places];
	struct ks_run_options options = {.size = sizeof(options)};
	enum ks_backend_kind kind;

	if (n_places == MAX_BACKENDS || ks_backend_kind_from_name(name, &kind, NULL) < 0 ||
		ks_backends_resolve(backends, kind, NULL, &place->backend) < 0)
		return -1;
	for (size_t i = 0; i < N_ROWS; i++)
		if (ks_policy_parse(rows[i].policy, strlen(rows[i].policy), rows[i].name,
			    &place->policies[i], NULL) < 0 ||
			ks_policy_add_read(place->policies[i], worker, NULL) < 0)
			return -1;
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].type != KS_OUTCOME_SETUP)
			place->lacking |= lacking_of(place->backend, place->policies[i]);
	options.allow_degraded = place->lacking;
	if (ks_prepared_new(
		    place->backend, place->policies[0], &options, 2, &place->prepared, NULL) < 0)
		return -1;
	n_places++;
	return 0;
}

static void close_places(void)
{
	for (unsigned p = 0; p < n_places; p++) {
		for (size_t i = 0; i < N_ROWS; i++)
			ks_policy_free(places[p].policies[i]);
		ks_backend_unref(places[p].backend);
	}
}

/* Jails that wait are no leak. */
static void empty(void)
{
	for (unsigned p = 0; p < n_places; p++)
		ks_prepared_free(places[p].prepared);
}

static int refill(void)
{
	for (unsigned p = 0; p < n_places; p++) {
		struct ks_run_options options = {
			.size = sizeof(options), .allow_degraded = places[p].lacking};

		if (ks_prepared_new(places[p].backend, places[p].policies[0], &options, 2,
			    &places[p].prepared, NULL) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned spawns = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned first = spawns / 3 < WARM_UP ? spawns / 3 : WARM_UP;
	unsigned long seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	unsigned long states[THREADS] = {seed, seed ^ 0x9e3779b97f4a7c15ul};
	char names[] = "bwrap,native,landlock", *rest = argc > 4 && *argv[4] ? argv[4] : names;
	struct measure before, after;
	ks_backends *backends = NULL;
	int grew;

	if (!first || ks_backends_new(&backends) < 0)
		return 2;
	worker = argv[2];
	leak = argc > 5;
	for (char *name = strtok_r(rest, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		if (open_place(backends, name) < 0)
			return 2;
	/* What is allocated once, by each thread and backend, has been. */
	spawn_so_many(first, states);
	empty();
	measure_take(&before);
	measure_print("after the first spawns", &before);
	if (refill() < 0)
		return 2;
	spawn_so_many(spawns - first, states);
	empty();
	measure_take(&after);
	measure_print("at the end", &after);
	grew = measure_grew(&before, &after);
	for (unsigned type = 0; type <= KS_OUTCOME_SETUP; type++)
		printf("# %u times %s\n", atomic_load(&counts[type]), ks_outcome_type_name(type));
	printf("%s 1 - %u spawns, %u with another outcome than they should have\n",
		wrong ? "not ok" : "ok", spawns, atomic_load(&wrong));
	printf("%s 2 - memory, descriptors, threads, children and groups do not grow\n1..2\n",
		grew ? "not ok" : "ok");
	close_places();
	ks_backends_free(backends);
	return wrong || grew;
}
