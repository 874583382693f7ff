/* SPDX-License-Identifier: Apache-2.0 */
/* The library's calls as a caller with an event loop uses them, each promise of run.h tried once.
 *
 *	api [FIELD,...]   the fields may be degraded */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kastellan/kastellan.h>

#include "check.h"

static ks_backends *backends;
static ks_backend *backend;
static ks_policy *policy;
static unsigned degraded;
static int number, failures;

static struct ks_run_options options_new(void)
{
	struct ks_run_options options = {.size = sizeof(options), .allow_degraded = degraded};

	return options;
}

static ks_child *spawn(const struct ks_run_options *options, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	ks_child *child = NULL;
	ks_error *error = NULL;

	if (ks_child_spawn(backend, policy, argv, options, &child, &error) < 0)
		printf("# %s\n", error ? ks_error_message(error) : "out of memory");
	ks_error_free(error);
	return child;
}

/* A loop of the caller's own around the child's descriptor. */
static int loop(ks_child *child)
{
	for (;;) {
		struct pollfd due = {.fd = ks_child_fd(child), .events = POLLIN};
		int r;

		if (poll(&due, 1, 20000) != 1)
			return -ETIMEDOUT;
		r = ks_child_dispatch(child, NULL);
		if (r != 0)
			return r;
	}
}

static int pipes(void)
{
	struct ks_run_options options = options_new();
	char text[64];
	ks_child *child;
	int in;
	ssize_t len;

	options.stdio[0] = options.stdio[1] = options.stdio[2] = KS_STDIO_PIPE;
	child = spawn(&options, "read a; echo \"got $a\"; echo oops >&2; exit 3");
	CHECK(child);
	in = ks_child_take_stdio(child, 0);
	CHECK(in >= 0 && ks_child_stdio(child, 0) == -1 && ks_child_take_stdio(child, 0) == -1);
	CHECK(write(in, "line\n", 5) == 5);
	close(in);
	CHECK(ks_child_outcome(child) == NULL);
	CHECK(loop(child) == 1);
	CHECK(ks_child_dispatch(child, NULL) == 1);
	CHECK(ks_outcome_exit_code(ks_child_outcome(child)) == 3);
	len = read(ks_child_stdio(child, 1), text, sizeof(text));
	CHECK(len == 9 && memcmp(text, "got line\n", 9) == 0);
	CHECK(read(ks_child_stdio(child, 1), text, sizeof(text)) == 0);
	CHECK(read(ks_child_stdio(child, 2), text, sizeof(text)) == 5);
	CHECK(ks_child_stdio(child, 3) == -1 && ks_child_terminal(child) == -1);
	ks_child_free(child);
	return 1;
}

static int given_descriptor(void)
{
	struct ks_run_options options = options_new();
	char text[16];
	ks_child *child;
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	options.stdio[0] = options.stdio[1] = KS_STDIO_FD;
	options.stdio_fd[0] = options.stdio_fd[1] = pair[1];
	child = spawn(&options, "read a; echo \"$a$a\"");
	CHECK(child);
	/* The caller keeps its own. */
	CHECK(close(pair[1]) == 0);
	CHECK(write(pair[0], "ab\n", 3) == 3);
	CHECK(read(pair[0], text, sizeof(text)) == 5 && memcmp(text, "abab\n", 5) == 0);
	CHECK(ks_child_wait(child, NULL) == 0);
	ks_child_free(child);
	close(pair[0]);
	return 1;
}

static int stop_is_friendly_first(void)
{
	struct ks_run_options options = options_new();
	char text[16];
	ks_child *child;

	options.stdio[1] = KS_STDIO_PIPE;
	child = spawn(&options, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
	CHECK(child);
	CHECK(read(ks_child_stdio(child, 1), text, sizeof(text)) == 6);
	CHECK(ks_child_stop(child) == 0);
	CHECK(loop(child) == 1);
	CHECK(ks_outcome_type(ks_child_outcome(child)) == KS_OUTCOME_EXIT);
	CHECK(ks_outcome_exit_code(ks_child_outcome(child)) == 7);
	CHECK(ks_child_stop(child) == -ESRCH && ks_child_signal(child, SIGTERM) == -ESRCH);
	CHECK(ks_child_kill(child) == 0);
	ks_child_free(child);
	return 1;
}

static int stop_kills_after_the_grace(void)
{
	struct ks_run_options options = options_new();
	char text[16];
	ks_child *child;

	options.stdio[1] = KS_STDIO_PIPE;
	options.grace_ms = 100;
	child = spawn(&options, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	CHECK(child);
	CHECK(read(ks_child_stdio(child, 1), text, sizeof(text)) == 6);
	CHECK(ks_child_stop(child) == 0);
	CHECK(loop(child) == 1);
	CHECK(ks_outcome_type(ks_child_outcome(child)) == KS_OUTCOME_SIGNAL);
	CHECK(ks_outcome_signal(ks_child_outcome(child)) == SIGKILL);
	ks_child_free(child);
	return 1;
}

static int kill_is_idempotent(void)
{
	struct ks_run_options options = options_new();
	ks_child *child = spawn(&options, "sleep 100 & sleep 100 & wait");

	CHECK(child);
	CHECK(ks_child_kill(child) == 0 && ks_child_kill(child) == 0);
	CHECK(ks_child_wait(child, NULL) == 0);
	CHECK(ks_outcome_signal(ks_child_outcome(child)) == SIGKILL);
	ks_child_free(child);
	return 1;
}

static int free_ends_a_living_one(void)
{
	struct ks_run_options options = options_new();
	char text[16];
	ks_child *child;
	int out;

	options.stdio[1] = KS_STDIO_PIPE;
	child = spawn(&options, "trap '' TERM HUP; echo ready; sleep 100");
	CHECK(child);
	out = ks_child_take_stdio(child, 1);
	CHECK(read(out, text, sizeof(text)) == 6);
	ks_child_free(child);
	/* The end of file says that nobody is left who could write. */
	CHECK(read(out, text, sizeof(text)) == 0);
	close(out);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 1;
}

static int timeout(void)
{
	struct ks_run_options options = options_new();
	const char *argv[] = {"sleep", "100", NULL};
	ks_outcome *outcome = NULL;

	options.timeout_ms = 200;
	CHECK(ks_run(backend, policy, argv, &options, &outcome, NULL) == 0);
	CHECK(ks_outcome_type(outcome) == KS_OUTCOME_TIMEOUT);
	CHECK(ks_outcome_shell_status(outcome) == 124 && ks_outcome_wall_ms(outcome) >= 200);
	ks_outcome_free(outcome);
	return 1;
}

static int terminal(void)
{
	struct ks_run_options options = options_new();
	char text[256];
	size_t len = 0;
	ssize_t n;
	ks_child *child;

	options.terminal = 1;
	options.terminal_rows = 33;
	options.terminal_columns = 77;
	child = spawn(&options,
		"trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.05; done");
	CHECK(child && ks_child_terminal(child) >= 0);
	while (len < sizeof(text) - 1 && !memchr(text, '\n', len)) {
		n = read(ks_child_terminal(child), text + len, sizeof(text) - 1 - len);
		CHECK(n > 0);
		len += (size_t)n;
	}
	text[len] = '\0';
	CHECK(strstr(text, "33 77"));
	CHECK(ks_child_resize(child, 10, 20) == 0);
	n = read(ks_child_terminal(child), text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = '\0';
	CHECK(strstr(text, "10 20"));
	CHECK(loop(child) == 1);
	CHECK(ks_outcome_exit_code(ks_child_outcome(child)) == 0);
	ks_child_free(child);
	return 1;
}

static int sizes_of_callers(void)
{
	struct {
		struct ks_run_options known;
		uint64_t unknown;
	} newer;
	struct ks_run_options options = options_new();
	const char *argv[] = {"true", NULL};
	ks_outcome *outcome = NULL;
	ks_error *error = NULL;

	memset(&newer, 0, sizeof(newer));
	newer.known = options;
	newer.known.size = sizeof(newer);
	CHECK(ks_run(backend, policy, argv, &newer.known, &outcome, NULL) == 0);
	ks_outcome_free(outcome);
	newer.unknown = 1;
	CHECK(ks_run(backend, policy, argv, &newer.known, &outcome, &error) == -E2BIG);
	CHECK(error && ks_error_remedy(error));
	ks_error_free(error);
	error = NULL;
	options.size = 0;
	CHECK(ks_run(backend, policy, argv, &options, &outcome, &error) == -EINVAL);
	CHECK(error && strcmp(ks_error_step(error), "options") == 0);
	ks_error_free(error);
	return 1;
}

static int failures_of_exec(void)
{
	struct ks_run_options options = options_new();
	const char *missing[] = {"/usr/bin/no-such-program", NULL};
	const char *data[] = {"/etc/passwd", NULL};
	ks_outcome *outcome = NULL;
	ks_error *error = NULL;

	CHECK(ks_run(backend, policy, missing, &options, &outcome, &error) == -ENOENT);
	CHECK(error && strcmp(ks_error_step(error), "exec") == 0 && ks_error_remedy(error));
	CHECK(ks_outcome_from_error(error, &outcome) == 0);
	CHECK(ks_outcome_shell_status(outcome) == 127);
	ks_outcome_free(outcome);
	ks_error_free(error);
	error = NULL;
	CHECK(ks_run(backend, policy, data, &options, &outcome, &error) == -EACCES);
	ks_error_free(error);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 1;
}

static int ignored_sigchld(void)
{
	struct ks_run_options options = options_new();
	const char *argv[] = {"sh", "-c", "exit 5", NULL};
	ks_outcome *outcome = NULL;

	signal(SIGCHLD, SIG_IGN);
	CHECK(ks_run(backend, policy, argv, &options, &outcome, NULL) == 0);
	signal(SIGCHLD, SIG_DFL);
	CHECK(ks_outcome_exit_code(outcome) == 5);
	ks_outcome_free(outcome);
	return 1;
}

static int closed_stdio(void)
{
	struct ks_run_options options = options_new();
	const char *argv[] = {"sh", "-c", "read a; exit 9", NULL};
	ks_outcome *outcome = NULL;
	int saved = dup(0);
	int r;

	close(0);
	options.stdio[0] = KS_STDIO_INHERIT;
	r = ks_run(backend, policy, argv, &options, &outcome, NULL);
	dup2(saved, 0);
	close(saved);
	CHECK(r == 0 && ks_outcome_exit_code(outcome) == 9);
	ks_outcome_free(outcome);
	return 1;
}

static int stub(void)
{
	struct ks_backend_stub_ops ops = {.size = sizeof(ops)};
	const char *argv[] = {"true", NULL};
	ks_backends *bundle = NULL;
	ks_backend *made = NULL, *found = NULL;
	ks_outcome *outcome = NULL;
	struct ks_receipt_row row = {.size = sizeof(row)};

	CHECK(ks_backends_new(&bundle) == 0);
	CHECK(ks_backend_stub_new(KS_BACKEND_BWRAP, &ops, NULL, &made) == 0);
	CHECK(ks_backends_set(bundle, KS_BACKEND_BWRAP, made, NULL) == 0);
	CHECK(ks_backends_resolve(bundle, KS_BACKEND_NONE, NULL, &found) == 0 && found == made);
	CHECK(ks_run(found, policy, argv, NULL, &outcome, NULL) == 0);
	CHECK(ks_outcome_exit_code(outcome) == 0);
	CHECK(ks_outcome_receipt(outcome, 0, &row) == 0 && row.verdict == KS_VERDICT_ABSENT);
	for (size_t i = 0; ks_outcome_receipt(outcome, i, &row) == 0; i++)
		CHECK(row.requested == (strcmp(row.field, "egress") != 0));
	ks_outcome_free(outcome);
	ks_backend_unref(made);
	ks_backend_unref(found);
	ks_backends_free(bundle);
	return 1;
}

static void test(const char *name, int (*function)(void))
{
	int good = function();

	printf("%s %d - library: %s\n", good ? "ok" : "not ok", ++number, name);
	fflush(stdout);
	failures += !good;
}

int main(int argc, char **argv)
{
	char nothing[] = "";
	char *rest = argc > 1 ? argv[1] : nothing;

	for (char *name = strtok_r(rest, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		degraded |= ks_field_from_name(name);
	if (ks_policy_new(&policy) < 0 || ks_backends_new(&backends) < 0 ||
		ks_backends_resolve(backends, KS_BACKEND_NONE, NULL, &backend) < 0)
		return 2;
	alarm(120); /* a promise that is not held shows as silence, too */
	test("pipes, and a loop of the caller's own", pipes);
	test("a descriptor of the caller's as stdin and stdout", given_descriptor);
	test("stop asks first", stop_is_friendly_first);
	test("stop kills after the grace time", stop_kills_after_the_grace);
	test("kill is idempotent", kill_is_idempotent);
	test("free ends a living worker", free_ends_a_living_one);
	test("the wall-clock limit", timeout);
	test("a terminal, and its size", terminal);
	test("options of older and newer callers", sizes_of_callers);
	test("a program that cannot be executed", failures_of_exec);
	test("a caller that ignores SIGCHLD", ignored_sigchld);
	test("a caller without stdin", closed_stdio);
	test("a stub backend", stub);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	ks_policy_free(policy);
	return failures != 0;
}
