/* SPDX-License-Identifier: Apache-2.0 */
/* spawner PLACE [--resident MIB] [--descriptors N] [--mounts N]
 *
 * Reads one order a line and answers with one line:
 *   run REQUEST...                 SPAWN_NS:TOTAL_NS for each, in the order given
 *   rate THREADS MS REQUEST        COUNT NS
 *   hold N REQUEST                 ok: that many jails exist, or workers of the method
 *   drop                           ok: they are gone
 *   storm CALLS THREADS REQUEST    CALLS ANSWERS FAULTS WRONG KILLS: see bench/storm.c
 *   commands FILE                  ok: the lines of words that command/NAME/0 runs
 * An answer that starts with "!" says in a sentence why not. */
#include "bench.h"
#include "workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

static int run_one(const struct bench *bench, const char *text, struct timing *ret_timing,
	const char **ret_reason)
{
	struct request request;
	int r = request_parse(bench, text, &request, ret_reason);

	if (r == 0) {
		r = request.method->run(bench, &request, ret_timing, ret_reason);
		request_done(&request);
	}
	return r;
}

static void order_run(const struct bench *bench, char *line)
{
	const char *separator = "";
	char *rest;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		struct timing timing = {0};
		const char *reason = "";

		if (run_one(bench, word, &timing, &reason) < 0) {
			printf("!%s: %s\n", word, reason);
			return;
		}
		printf("%s%llu:%llu", separator, (unsigned long long)timing.spawn_ns,
			(unsigned long long)timing.total_ns);
		separator = " ";
	}
	printf("\n");
}

static void order_rate(const struct bench *bench, const char *line)
{
	unsigned threads, milliseconds;
	const char *reason = "an order is: rate THREADS MS REQUEST";
	struct request request;
	uint64_t count, ns;
	char text[256];
	int r = -EINVAL;

	if (sscanf(line, "%u %u %255s", &threads, &milliseconds, text) == 3)
		r = request_parse(bench, text, &request, &reason);
	if (r == 0) {
		r = rate_measure(bench, &request, threads, milliseconds, &count, &ns, &reason);
		request_done(&request);
	}
	if (r < 0)
		printf("!%s\n", reason);
	else
		printf("%llu %llu\n", (unsigned long long)count, (unsigned long long)ns);
}

static void order_hold(const struct bench *bench, const char *line)
{
	const char *reason = "an order is: hold N REQUEST";
	struct request request;
	unsigned count;
	char text[256];
	int r = -EINVAL;

	if (sscanf(line, "%u %255s", &count, text) == 2)
		r = request_parse(bench, text, &request, &reason);
	if (r == 0) {
		r = request.method->hold ? request.method->hold(bench, &request, count, &reason)
					 : jails_hold(bench, &request, count, &reason);
		request_done(&request);
	}
	printf(r < 0 ? "!%s\n" : "ok\n", reason);
}

static void order_storm(const struct bench *bench, const char *line)
{
	unsigned calls, threads;
	const char *reason = "an order is: storm CALLS THREADS REQUEST";
	struct request request;
	struct storm storm;
	char text[256];
	int r = -EINVAL;

	if (sscanf(line, "%u %u %255s", &calls, &threads, text) == 3)
		r = request_parse(bench, text, &request, &reason);
	if (r == 0) {
		r = storm_run(bench, &request, calls, threads, &storm, &reason);
		request_done(&request);
	}
	if (r < 0)
		printf("!%s\n", reason);
	else
		printf("%u %u %u %u %u\n", storm.calls, storm.answers, storm.faults, storm.wrong,
			storm.kills);
}

static void obey(struct bench *bench, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "run ", 4) == 0) {
		order_run(bench, line + 4);
	} else if (strncmp(line, "rate ", 5) == 0) {
		order_rate(bench, line + 5);
	} else if (strncmp(line, "hold ", 5) == 0) {
		order_hold(bench, line + 5);
	} else if (strncmp(line, "storm ", 6) == 0) {
		order_storm(bench, line + 6);
	} else if (strcmp(line, "drop") == 0) {
		jails_drop();
		idle_drop();
		printf("ok\n");
	} else if (strncmp(line, "commands ", 9) == 0) {
		int r = bench_load_commands(bench, line + 9);

		printf(r < 0 ? "!the commands cannot be read\n" : "ok\n");
	} else {
		printf("!no such order\n");
	}
	fflush(stdout);
}

static int take_burden(const struct bench *bench, const char *option, const char *value)
{
	unsigned number = (unsigned)strtoul(value, NULL, 10);

	if (strcmp(option, "--resident") == 0)
		return caller_resident(number);
	if (strcmp(option, "--descriptors") == 0)
		return caller_descriptors(number);
	if (strcmp(option, "--mounts") == 0)
		return caller_mounts(bench->place, number);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	static char line[LINE_MAX_BYTES];

	if (argc < 2 || argc % 2) {
		fprintf(stderr, "usage: spawner PLACE [--resident MIB] [--descriptors N] "
				"[--mounts N]\n");
		return 2;
	}
	bench.place = argv[1];
	for (int i = 2; i < argc; i += 2) {
		int r = take_burden(&bench, argv[i], argv[i + 1]);

		if (r < 0) {
			printf("!%s %s: %s\n", argv[i], argv[i + 1], strerror(-r));
			return 1;
		}
	}
	if (ks_backends_new(&bench.backends) < 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(&bench, line);
	jails_drop();
	idle_drop();
	workers_drop();
	prepared_drop();
	ks_backends_free(bench.backends);
	return 0;
}
