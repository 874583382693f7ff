/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <time.h>

#include "workers.h"

ks_backends *backends;
unsigned degraded;
static const char *probe;
static const char *kind; /* as a manifest names it */

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void say(const ks_error *error)
{
	for (; error; error = ks_error_next(error))
		printf("# %s\n", ks_error_message(error));
}

ks_tools *manifest(const char *members)
{
	char text[1024], program[256] = "";
	ks_tools *tools = NULL;
	ks_error *error = NULL;

	if (!strstr(members, "\"program\""))
		snprintf(program, sizeof(program), "\"program\": \"%s\", ", probe);
	snprintf(text, sizeof(text),
		"{\"tools\": {\"t\": {%s\"sandbox_backend\": \"%s\", \"policy\": {\"fs_read\": "
		"[\"%s\"], \"mem_mb\": 32, \"cpu_ms\": 800}, %s}}}",
		program, kind, probe, members);
	ks_tools_parse(text, strlen(text), "test", &tools, &error);
	say(error);
	ks_error_free(error);
	return tools;
}

ks_workers *manager(const struct ks_workers_options *options, const char *members)
{
	const struct ks_workers_options usual = {.size = sizeof(usual),
		.backoff_ms = 10,
		.grace_ms = 500,
		.allow_degraded = degraded};
	ks_tools *tools = manifest(members);
	ks_workers *workers = NULL;
	ks_error *error = NULL;

	if (tools)
		ks_workers_new(backends, tools, options ? options : &usual, &workers, &error);
	say(error);
	ks_error_free(error);
	ks_tools_free(tools);
	return workers;
}

static int call(ks_workers *workers, const char *method, const char *params,
	const struct ks_call_options *options, char **ret_answer, ks_error **reterr)
{
	char request[512];

	snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}",
		method, *params ? ",\"params\":" : "", params);
	return ks_workers_call(
		workers, "t", request, strlen(request), options, ret_answer, NULL, reterr);
}

enum ks_fault ask_error(ks_workers *workers, const char *method, const char *params,
	const struct ks_call_options *options, ks_error **reterr)
{
	ks_error *error = NULL;
	char *answer = NULL;
	enum ks_fault fault = KS_FAULT_NONE;

	if (call(workers, method, params, options, &answer, &error) < 0 && error)
		fault = ks_error_fault(error);
	free(answer);
	if (reterr)
		*reterr = error;
	else
		ks_error_free(error);
	return fault;
}

enum ks_fault ask(ks_workers *workers, const char *method, const char *params,
	const struct ks_call_options *options, char *room, size_t size)
{
	static const char front[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":";
	ks_error *error = NULL;
	char *answer = NULL;
	enum ks_fault fault = KS_FAULT_NONE;

	*room = '\0';
	if (call(workers, method, params, options, &answer, &error) < 0)
		fault = error ? ks_error_fault(error) : KS_FAULT_START;
	else if (strncmp(answer, front, strlen(front)) == 0)
		snprintf(room, size, "%.*s", (int)(strlen(answer) - strlen(front) - 1),
			answer + strlen(front));
	if (fault != KS_FAULT_CANCELLED && fault != KS_FAULT_SHUTDOWN)
		say(error);
	ks_error_free(error);
	free(answer);
	return fault;
}

int says(ks_workers *workers, const char *method, const char *params, const char *wanted)
{
	char text[512];

	if (ask(workers, method, params, NULL, text, sizeof(text)) == KS_FAULT_NONE &&
		strcmp(text, wanted) == 0)
		return 1;
	printf("# %s says %s, not %s\n", method, text, wanted);
	return 0;
}

struct ks_workers_status status_of(ks_workers *workers)
{
	struct ks_workers_status status = {.size = sizeof(status)};

	if (ks_workers_status(workers, "t", &status) < 0)
		printf("# there is no status\n");
	return status;
}

int eventually(ks_workers *workers, int ms,
	int (*condition)(const struct ks_workers_status *status, uint64_t number), uint64_t number)
{
	struct ks_workers_status status = status_of(workers);

	for (long end = now_ms() + ms; !condition(&status, number) && now_ms() < end;) {
		sleep_ms(2);
		status = status_of(workers);
	}
	return condition(&status, number);
}

int is_ended(const struct ks_workers_status *status, uint64_t number)
{
	return status->ended == number && !status->ending;
}

int has_jails(const struct ks_workers_status *status, uint64_t number)
{
	return status->jails_waiting == number;
}

int is_waiting(const struct ks_workers_status *status, uint64_t number)
{
	return status->waiting == number;
}

int is_busy(const struct ks_workers_status *status, uint64_t number)
{
	return status->busy == number;
}

static int children(void)
{
	char path[64], text[4096] = "";
	int n = 0;
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", entry->d_name);
		file = *entry->d_name == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file))
			n++;
		fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return n;
}

static int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int n = 0;

	while (directory && readdir(directory))
		n++;
	if (directory)
		closedir(directory);
	return n;
}

static int run_one(const struct test *test, int number)
{
	int before = descriptors();
	long start = now_ms();
	int good = test->run();

	/* What a look at the host opened once stays, as the first two tests show. */
	if (good && (children() || (number > 2 && descriptors() != before))) {
		printf("# %d children and %d descriptors are left\n", children(),
			descriptors() - before);
		good = 0;
	}
	printf("%sok %d - %s\n# %ld ms\n", good ? "" : "not ", number, test->name,
		now_ms() - start);
	fflush(stdout);
	return good;
}

int run_tests(int argc, char **argv, const struct test *tests, size_t n)
{
	const char *wanted = getenv("KASTELLAN_TEST");
	int failures = 0, number = 0;

	if (argc < 3 || ks_backends_new(&backends) < 0)
		return 2;
	kind = strcmp(argv[1], "native") == 0 ? "Native" : "Bwrap";
	probe = argv[2];
	for (char *field = argc > 3 ? strtok_r(argv[3], ",", &argv[3]) : NULL; field;
		field = strtok_r(NULL, ",", &argv[3]))
		degraded |= ks_field_from_name(field);
	for (size_t i = 0; i < n; i++)
		if (!wanted || strstr(tests[i].name, wanted))
			failures += !run_one(&tests[i], ++number);
	ks_backends_free(backends);
	printf("1..%d\n", number);
	return failures > 0;
}
