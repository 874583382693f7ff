/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of many threads to a few warm workers, which somebody kills all the time. Each call has an
 * id of its own, and has to come to exactly one end: its answer, or an error that says which fault
 * it was. */
#include "workers.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 64
#define INSTANCES 4

struct weather {
	ks_workers *workers;
	const char *program;
	unsigned calls; /* of each thread */
	atomic_uint started, answers, faults, wrong, kills;
	atomic_bool over;
};

/* The ends of one call, told apart by what each of them leaves behind. */
static void one_call(struct weather *weather, unsigned number)
{
	char request[160], wanted[96];
	ks_error *error = NULL;
	char *answer = NULL;
	bool good;
	int r;

	snprintf(request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":\"call %u\",\"method\":\"echo\"}", number);
	snprintf(wanted, sizeof(wanted), "{\"jsonrpc\":\"2.0\",\"id\":\"call %u\",\"result\":{}}",
		number);
	r = ks_workers_call(
		weather->workers, "t0", request, strlen(request), NULL, &answer, NULL, &error);
	if (r == 0)
		good = answer && !error && strcmp(answer, wanted) == 0;
	else
		good = !answer && error && ks_error_fault(error) != KS_FAULT_NONE;
	atomic_fetch_add(r == 0 ? &weather->answers : &weather->faults, 1);
	atomic_fetch_add(&weather->wrong, !good);
	free(answer);
	ks_error_free(error);
}

static void *call_often(void *data)
{
	struct weather *weather = data;

	for (unsigned i = 0; i < weather->calls; i++)
		one_call(weather, atomic_fetch_add(&weather->started, 1));
	return NULL;
}

/* Only what runs the program of this place, which no other process knows. */
static bool is_worker(const char *pid, const char *program)
{
	char path[64], text[512];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	file = fopen(path, "re");
	n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[n] = '\0';
	if (file)
		fclose(file);
	return strcmp(text, program) == 0;
}

static unsigned find_workers(const char *program, pid_t *pids, unsigned most)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	while (directory && n < most && (entry = readdir(directory)))
		if (*entry->d_name > '0' && *entry->d_name <= '9' &&
			is_worker(entry->d_name, program))
			pids[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
	if (directory)
		closedir(directory);
	return n;
}

static void *kill_often(void *data)
{
	struct weather *weather = data;
	unsigned seed = 1;

	while (!atomic_load(&weather->over)) {
		pid_t pids[INSTANCES * 2];
		unsigned n = find_workers(weather->program, pids, INSTANCES * 2);

		if (n && kill(pids[(unsigned)rand_r(&seed) % n], SIGKILL) == 0)
			atomic_fetch_add(&weather->kills, 1);
		usleep((unsigned)rand_r(&seed) % 20000);
	}
	return NULL;
}

static int call_from_all(struct weather *weather, unsigned threads)
{
	pthread_t thread[MAX_THREADS], killer;
	unsigned started = 0;

	if (pthread_create(&killer, NULL, kill_often, weather) != 0)
		return -EAGAIN;
	while (started < threads &&
		pthread_create(&thread[started], NULL, call_often, weather) == 0)
		started++;
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&weather->over, true);
	pthread_join(killer, NULL);
	return started < threads ? -EAGAIN : 0;
}

int storm_run(const struct bench *bench, const struct request *request, unsigned calls,
	unsigned threads, struct storm *ret_storm, const char **ret_reason)
{
	const struct workers_wanted wanted = {.tools = 1, .instances = INSTANCES, .backoff_ms = 1};
	static struct weather weather;
	int r = -ERANGE;

	weather = (struct weather){
		.program = request->program, .calls = threads ? calls / threads : 0};
	*ret_reason = "from 1 to 64 threads";
	if (threads && threads <= MAX_THREADS)
		r = workers_new(bench, request, &wanted, &weather.workers, ret_reason);
	if (r < 0)
		return r;
	r = call_from_all(&weather, threads);
	*ret_reason = "a thread cannot be started";
	ks_workers_free(weather.workers);
	*ret_storm = (struct storm){atomic_load(&weather.started), atomic_load(&weather.answers),
		atomic_load(&weather.faults), atomic_load(&weather.wrong),
		atomic_load(&weather.kills)};
	return r;
}
