/* SPDX-License-Identifier: Apache-2.0 */
/* Workers of a prepared policy, as a program has them that uses the library: says how many jails
 *wait ahead, and how each of some workers ends. With a policy each waits for a line of stdin, and
 * what goes wrong with one is told in its place.
 *
 *	prepared BACKEND FIELD,... [POLICY] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kastellan/kastellan.h>

#define AHEAD 2
#define WORKERS 3

static void complain(const ks_error *error)
{
	fprintf(stderr, "%s\n", error ? ks_error_message(error) : "no memory");
}

static unsigned fields(char *list)
{
	unsigned set = 0;

	while (*list) {
		size_t len = strcspn(list, ",");
		char *end = list + len + (list[len] == ',');

		list[len] = '\0';
		set |= ks_field_from_name(list);
		list = end;
	}
	return set;
}

static int run(ks_prepared *prepared, int code, ks_error **reterr)
{
	char script[32];
	const char *const argv[] = {"/usr/bin/sh", "-c", script, NULL};
	ks_child *child = NULL;
	int r;

	snprintf(script, sizeof(script), "exit %d", code);
	r = ks_prepared_spawn(prepared, argv, NULL, &child, reterr);
	if (r == 0)
		r = ks_child_wait(child, reterr);
	if (r == 0)
		printf(" %d", ks_outcome_exit_code(ks_child_outcome(child)));
	ks_child_free(child);
	return r;
}

/* A failure is one of this worker alone. */
static int run_when_told(ks_prepared *prepared, int code, ks_error **reterr)
{
	char line[8];

	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	if (run(prepared, code, reterr) < 0) {
		printf(" refused");
		complain(*reterr);
		ks_error_free(*reterr);
		*reterr = NULL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ks_run_options options = {.size = sizeof(options)};
	enum ks_backend_kind kind;
	ks_backends *backends = NULL;
	ks_backend *backend = NULL;
	ks_policy *policy = NULL;
	ks_prepared *prepared = NULL;
	ks_error *error = NULL;
	int r;

	if (argc < 3 || ks_backends_new(&backends) < 0)
		return EXIT_FAILURE;
	options.allow_degraded = fields(argv[2]);
	r = argc > 3 ? ks_policy_load(argv[3], &policy, &error) : ks_policy_new(&policy);
	if (r == 0)
		r = ks_backends_kind_from_name(backends, argv[1], &kind, &error);
	if (r == 0)
		r = ks_backends_resolve(backends, kind, NULL, &backend);
	if (r == 0)
		r = ks_prepared_new(backend, policy, &options, AHEAD, &prepared, &error);
	if (r == 0)
		r = ks_prepared_fill(prepared, &error);
	if (r == 0)
		printf("%zu", ks_prepared_waiting(prepared));
	for (int i = 1; r == 0 && i <= WORKERS; i++)
		r = argc > 3 ? run_when_told(prepared, i, &error) : run(prepared, i, &error);
	puts("");
	if (r < 0)
		complain(error);
	ks_error_free(error);
	ks_prepared_free(prepared);
	ks_policy_free(policy);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
