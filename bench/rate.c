/* SPDX-License-Identifier: Apache-2.0 */
/* How many spawns a second several threads get through. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define MAX_THREADS 16

struct crew {
	const struct bench *bench;
	const struct request *request;
	uint64_t end;
	atomic_ulong count;
	atomic_int error;
	pthread_mutex_t lock;
	char reason[512];
};

static void note_failure(struct crew *crew, int error, const char *why)
{
	pthread_mutex_lock(&crew->lock);
	if (atomic_load(&crew->error) == 0) {
		snprintf(crew->reason, sizeof(crew->reason), "%s", why);
		atomic_store(&crew->error, error);
	}
	pthread_mutex_unlock(&crew->lock);
}

static void *work(void *data)
{
	struct crew *crew = data;

	while (bench_now() < crew->end && atomic_load(&crew->error) == 0) {
		struct timing timing;
		const char *why = "";
		int r = crew->request->method->run(crew->bench, crew->request, &timing, &why);

		if (r < 0)
			note_failure(crew, r, why);
		else
			atomic_fetch_add(&crew->count, 1);
	}
	return NULL;
}

int rate_measure(const struct bench *bench, const struct request *request, unsigned threads,
	unsigned milliseconds, uint64_t *ret_count, uint64_t *ret_ns, const char **ret_reason)
{
	static struct crew crew;
	pthread_t thread[MAX_THREADS];
	uint64_t start = bench_now();
	unsigned started = 0;

	crew = (struct crew){.bench = bench,
		.request = request,
		.end = start + (uint64_t)milliseconds * 1000000,
		.lock = PTHREAD_MUTEX_INITIALIZER};
	while (started < threads && started < MAX_THREADS &&
		pthread_create(&thread[started], NULL, work, &crew) == 0)
		started++;
	if (started < threads)
		note_failure(&crew, -EAGAIN, "a thread cannot be started");
	while (started)
		pthread_join(thread[--started], NULL);
	*ret_ns = bench_now() - start;
	*ret_count = atomic_load(&crew.count);
	*ret_reason = crew.reason;
	return atomic_load(&crew.error);
}
