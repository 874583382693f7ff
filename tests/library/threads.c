/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads spawn on one shared backend. Run under ThreadSanitizer or helgrind by
 * tests/library/run. Checks that every worker ends as it should and that no descriptor, child or
 * control group is left.
 *
 *	threads THREADS WORKERS [FIELD,...]   the fields may be degraded */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kastellan/kastellan.h>

struct shared {
	ks_backend *backend;
	ks_policy *policy;
	ks_prepared *prepared; /* every other worker comes out of it */
	struct ks_run_options options;
	int workers;
};

static int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

static int one(const struct shared *shared, int code)
{
	char script[32];
	const char *argv[] = {"sh", "-c", script, NULL};
	ks_outcome *outcome = NULL;
	ks_error *error = NULL;
	int bad = 1;

	snprintf(script, sizeof(script), "exit %d", code);
	if (ks_run(shared->backend, shared->policy, argv, &shared->options, &outcome, &error) < 0)
		printf("# %s\n", error ? ks_error_message(error) : "out of memory");
	else
		bad = ks_outcome_exit_code(outcome) != code;
	ks_outcome_free(outcome);
	ks_error_free(error);
	return bad;
}

static int one_prepared(const struct shared *shared, int code)
{
	char script[32];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct ks_run_options options = {.size = sizeof(options)};
	ks_child *child = NULL;
	ks_error *error = NULL;
	int bad = 1;

	snprintf(script, sizeof(script), "exit %d", code);
	/* The threads build for each other, and take from each other. */
	if ((code % 4 == 1 && ks_prepared_fill(shared->prepared, &error) < 0) ||
		ks_prepared_spawn(shared->prepared, argv, &options, &child, &error) < 0 ||
		ks_child_wait(child, &error) < 0)
		printf("# %s\n", error ? ks_error_message(error) : "out of memory");
	else
		bad = ks_outcome_exit_code(ks_child_outcome(child)) != code;
	ks_child_free(child);
	ks_error_free(error);
	return bad;
}

static void *spawn_many(void *data)
{
	const struct shared *shared = data;
	long bad = 0;

	for (int i = 0; i < shared->workers; i++)
		bad += i % 2 ? one_prepared(shared, i % 256) : one(shared, i % 256);
	return (void *)bad;
}

static unsigned parse_fields(char *list)
{
	unsigned fields = 0;

	for (char *name = strtok_r(list, ",", &list); name; name = strtok_r(NULL, ",", &list))
		fields |= ks_field_from_name(name);
	return fields;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 8;
	struct shared shared = {.workers = argc > 2 ? atoi(argv[2]) : 200};
	ks_backends *backends = NULL;
	pthread_t ids[64];
	int before, after, children;
	long bad = 0;

	shared.options.size = sizeof(shared.options);
	shared.options.allow_degraded = argc > 3 ? parse_fields(argv[3]) : 0;
	if (threads < 1 || threads > 64 || ks_policy_new(&shared.policy) < 0 ||
		ks_backends_new(&backends) < 0 ||
		ks_backends_resolve(backends, KS_BACKEND_NONE, NULL, &shared.backend) < 0)
		return 2;
	if (ks_prepared_new(
		    shared.backend, shared.policy, &shared.options, 3, &shared.prepared, NULL) < 0)
		return 2;
	/* The first one fills what is kept for ever (facts of the host). */
	bad += one(&shared, 7);
	before = count_descriptors();
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, spawn_many, &shared) != 0)
			return 2;
	for (int i = 0; i < threads; i++) {
		void *result;

		pthread_join(ids[i], &result);
		bad += (long)result;
	}
	ks_prepared_free(shared.prepared);
	after = count_descriptors();
	children = waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
	ks_backend_unref(shared.backend);
	ks_backends_free(backends);
	ks_policy_free(shared.policy);
	printf("%s 1 - %d threads, %d workers each: %ld ended otherwise\n", bad ? "not ok" : "ok",
		threads, shared.workers, bad);
	printf("%s 2 - no descriptor is left: %d before, %d after\n",
		before == after ? "ok" : "not ok", before, after);
	printf("%s 3 - no child is left\n", children ? "not ok" : "ok");
	return bad || before != after || children;
}
