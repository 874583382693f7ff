/* SPDX-License-Identifier: Apache-2.0 */
/* A program that uses libkastellan: it parses a policy, starts a worker with pipes, talks to it,
 * waits, and prints how it ended and what held.
 *
 *	cc talk.c -o talk $(pkg-config --cflags --libs kastellan)
 *	./talk
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kastellan/kastellan.h>

static const char policy_text[] = "{\"cpu_ms\": 500, \"mem_mb\": 32, \"tasks_max\": 4}";

static void print_error(const ks_error *error)
{
	for (; error; error = ks_error_next(error)) {
		fprintf(stderr, "%s\n", ks_error_message(error));
		if (ks_error_remedy(error))
			fprintf(stderr, "  remedy: %s\n", ks_error_remedy(error));
	}
}

/* Sends a line and reads the answer, as a real caller of a tool would. */
static int talk(ks_child *child)
{
	static const char question[] = "nellatsak\n";
	char answer[64];
	ssize_t len;
	int in = ks_child_take_stdio(child, 0);

	if (write(in, question, strlen(question)) < 0) {
		perror("write");
		close(in);
		return -1;
	}
	close(in); /* the worker sees the end of its input */
	len = read(ks_child_stdio(child, 1), answer, sizeof(answer) - 1);
	if (len < 0) {
		perror("read");
		return -1;
	}
	answer[len] = '\0';
	printf("the worker says: %s", answer);
	return 0;
}

static void print_outcome(const ks_outcome *outcome)
{
	struct ks_receipt_row row;

	printf("outcome: %s, exit code %d, %llu ms of CPU time\n",
		ks_outcome_type_name(ks_outcome_type(outcome)), ks_outcome_exit_code(outcome),
		(unsigned long long)ks_outcome_cpu_ms(outcome));
	row.size = sizeof(row);
	for (size_t i = 0; ks_outcome_receipt(outcome, i, &row) == 0; i++)
		printf("  %-14s %-9s %s\n", row.field,
			row.verdict == KS_VERDICT_HELD ? "held" : "not held", row.mechanism);
}

static int run(ks_backends *backends, const ks_policy *policy, ks_error **error)
{
	static const char *const argv[] = {"rev", NULL};
	struct ks_run_options options;
	ks_backend *backend = NULL;
	ks_child *child = NULL;
	int r;

	memset(&options, 0, sizeof(options));
	options.size = sizeof(options);
	options.stdio[0] = options.stdio[1] = KS_STDIO_PIPE;
	options.stdio[2] = KS_STDIO_INHERIT;
	options.timeout_ms = 5000;

	r = ks_backends_resolve(backends, KS_BACKEND_NONE, NULL, &backend);
	if (r == 0)
		r = ks_child_spawn(backend, policy, argv, &options, &child, error);
	if (r == 0)
		r = talk(child);
	if (r == 0)
		r = ks_child_wait(child, error);
	if (r == 0)
		print_outcome(ks_child_outcome(child));
	ks_child_free(child);
	ks_backend_unref(backend);
	return r;
}

int main(void)
{
	ks_backends *backends = NULL;
	ks_policy *policy = NULL;
	ks_error *error = NULL;
	int r = ks_policy_parse(policy_text, strlen(policy_text), "built-in", &policy, &error);

	if (r == 0)
		r = ks_backends_new(&backends);
	if (r == 0)
		r = run(backends, policy, &error);
	if (r < 0)
		print_error(error);
	ks_error_free(error);
	ks_policy_free(policy);
	ks_backends_free(backends);
	return r < 0;
}
