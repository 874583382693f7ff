/* SPDX-License-Identifier: Apache-2.0 */
/* Many callers of one manager, whose workers are ended all the time: KASTELLAN_CALLS each.
 *
 *	workers_soak BACKEND PROBE [FIELD,...]   the fields may be degraded */
#include <pthread.h>

#include "workers.h"

#define THREADS 8

/* One caller among many; each of its calls is told apart by its own id and params. */
struct caller {
	ks_workers *workers;
	pthread_t thread;
	unsigned number, calls;
	int alone; /* no two calls have the same worker */
	unsigned answers, faults, wrong;
	unsigned long random;
};

static unsigned draw(struct caller *caller, unsigned n)
{
	caller->random = caller->random * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(caller->random >> 33) % n;
}

/* What a worker did after its last answer may hit a request that it had already been given. */
static int left_by_another(const ks_error *error)
{
	enum ks_fault fault = ks_error_fault(error);

	return fault == KS_FAULT_CRASH || fault == KS_FAULT_GARBAGE || fault == KS_FAULT_CLOSED;
}

/* What a call came to has to be the answer to that very request, or the fault that it asked for, or
 * that of a worker which somebody else's request had left. */
static void one_call(struct caller *caller, unsigned i)
{
	static const char *const acts[] = {"crash", "exit", "garbage", "large", "late-crash",
		"late-garbage", "twice", "close"};
	unsigned act = draw(caller, 24);
	char request[256], wanted[256], *answer = NULL;
	ks_error *error = NULL;
	size_t len = 0;
	int r;

	snprintf(request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":\"%u-%u\",\"method\":\"%s\",\"params\":[%u%06u]}",
		caller->number, i, act < 8 ? acts[act] : "echo", caller->number + 1, i);
	snprintf(wanted, sizeof(wanted),
		"{\"jsonrpc\":\"2.0\",\"id\":\"%u-%u\",\"result\":[%u%06u]}", caller->number, i,
		caller->number + 1, i);
	r = ks_workers_call(
		caller->workers, "t", request, strlen(request), NULL, &answer, &len, &error);
	if (r == 0)
		caller->answers++;
	else
		caller->faults++;
	if (r == 0 ? !answer || error || len != strlen(answer)
		   : answer || !error || ks_error_fault(error) == KS_FAULT_NONE)
		caller->wrong++;
	if (act >= 8 &&
		(r < 0 ? caller->alone || !left_by_another(error) : strcmp(answer, wanted) != 0)) {
		printf("# %s: %s\n", wanted, answer ? answer : ks_error_message(error));
		caller->wrong++;
	}
	if (act < 4 && r == 0)
		caller->wrong++;
	free(answer);
	ks_error_free(error);
}

static void *call_often(void *data)
{
	struct caller *caller = data;

	for (unsigned i = 0; i < caller->calls; i++)
		one_call(caller, i);
	return NULL;
}

static int many_call(ks_workers *workers, unsigned calls, int alone)
{
	struct caller callers[THREADS];
	unsigned answers = 0, faults = 0, wrong = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){.workers = workers,
			.number = i,
			.calls = calls,
			.alone = alone,
			.random = i * 77 + 1};
		if (pthread_create(&callers[i].thread, NULL, call_often, &callers[i]) != 0)
			return 0;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		answers += callers[i].answers;
		faults += callers[i].faults;
		wrong += callers[i].wrong;
	}
	printf("# %u calls: %u answers, %u faults, %u wrong\n", THREADS * calls, answers, faults,
		wrong);
	return wrong == 0 && answers + faults == THREADS * calls && faults > 0;
}

static unsigned calls_of_each(unsigned usual)
{
	const char *text = getenv("KASTELLAN_CALLS");

	return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

/* Every request is answered once, although workers are ended all the time. */
static int no_answer_is_lost(void)
{
	static const char *const lives[] = {
		"{\"IdleTimeout\": {\"instances\": 3}}",
		"{\"IdleTimeout\": {\"instances\": 0, \"max_requests\": 7}}",
		"\"SingleUse\"",
	};
	const struct ks_workers_options options = {.size = sizeof(options),
		.backoff_ms = 1,
		.max_backoff_ms = 4,
		.grace_ms = 50,
		.jails_ahead = 2,
		.allow_degraded = degraded};

	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		char members[128];
		ks_workers *w;
		struct ks_workers_status status;

		snprintf(members, sizeof(members), "\"lifecycle\": %s, \"max_message_bytes\": 4096",
			lives[i]);
		w = manager(&options, members);
		CHECK(w && many_call(w, calls_of_each(40), i == 2));
		status = status_of(w);
		CHECK(status.calls == THREADS * calls_of_each(40) && status.waiting == 0 &&
			status.busy == 0);
		ks_workers_free(w);
	}
	return 1;
}

static const struct test tests[] = {
	TEST(no_answer_is_lost),
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
