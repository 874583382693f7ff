/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/denied.h"
#include "cli/hand_over.h"
#include "cli/loop.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/own_files.h"
#include "cli/signals.h"
#include "cli/status.h"

static int spawn_and_wait(
	const struct arguments *arguments, int signals, ks_child **ret_child, ks_error **reterr)
{
	ks_backends *backends = NULL;
	ks_backend *backend = NULL;
	ks_child *child = NULL;
	int r = cli_backend(arguments, &backends, &backend, reterr);

	if (r == 0)
		hand_over_backend(backend);
	if (r == 0)
		r = ks_child_spawn(backend, arguments->policy,
			(const char *const *)arguments->program, &arguments->run, &child, reterr);
	if (r < 0)
		hand_over();
	if (r == 0)
		r = loop_run(child, signals, arguments->run.terminal, reterr);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	if (r < 0) {
		ks_child_free(child);
		return r;
	}
	*ret_child = child;
	return 0;
}

static void say_why(const ks_outcome *outcome)
{
	switch (ks_outcome_type(outcome)) {
	case KS_OUTCOME_TIMEOUT:
		fprintf(stderr, "kastellan: ended: the wall-clock limit was reached\n"
				"  remedy: --timeout, if it may run longer\n");
		break;
	case KS_OUTCOME_CPU:
		fprintf(stderr, "kastellan: ended: cpu_ms is spent\n"
				"  remedy: --cpu, if it may use more CPU time\n");
		break;
	case KS_OUTCOME_OOM:
		fprintf(stderr, "kastellan: ended: mem_mb is exceeded\n"
				"  remedy: --mem, if it may use more memory\n");
		break;
	case KS_OUTCOME_TASKS:
		fprintf(stderr,
			"kastellan: it failed after tasks_max refused it a process or thread\n"
			"  remedy: --tasks, if it may have more\n");
		break;
	case KS_OUTCOME_DENIED:
		fprintf(stderr,
			"kastellan: ended: the system call %s is never allowed\n"
			"  remedy: no policy allows it: run a program that does without\n",
			ks_outcome_detail(outcome));
		break;
	case KS_OUTCOME_SIGNAL:
		if (ks_outcome_detail(outcome))
			fprintf(stderr,
				"kastellan: ended: the jail had an end before its program: "
				"kastellan-init was killed, or could not go on\n"
				"  remedy: see the kernel's log for what kills processes here\n");
		break;
	case KS_OUTCOME_EXIT:
	case KS_OUTCOME_SETUP:
		break;
	}
}

/* What the worker could not reach, where it may be why it failed. */
static void say_denied(const ks_outcome *outcome)
{
	struct ks_denied_destination denied = {.size = sizeof(denied)};

	if (ks_outcome_proxy_died(outcome))
		fprintf(stderr,
			"kastellan: the egress proxy ended before the worker, and the worker's "
			"connections with it (%s)\n",
			ks_outcome_proxy_death(outcome));
	print_suppressed(ks_outcome_audit_suppressed(outcome));
	if (ks_outcome_shell_status(outcome) == 0)
		return;
	for (size_t i = 0;
		i < DENIED_SHOWN && ks_outcome_denied_destination(outcome, i, &denied) == 0; i++)
		print_denied(&denied);
}

/* A start that failed has an outcome, too. Returns the exit status. */
static int report_failure(const struct arguments *arguments, int status_fd, const ks_error *error)
{
	ks_outcome *outcome = NULL;
	int status = STATUS_FAILED;

	if (!arguments->quiet)
		print_error(arguments->policy_file, error);
	if (error && ks_outcome_from_error(error, &outcome) == 0) {
		status = ks_outcome_shell_status(outcome);
		status_write(status_fd, outcome, NULL);
	}
	ks_outcome_free(outcome);
	return status;
}

static int run(struct arguments *arguments, int status_fd, ks_error **reterr)
{
	ks_child *child = NULL;
	const ks_outcome *outcome;
	int signals = signals_open();
	int status;
	int r;

	if (signals < 0) {
		error_set(reterr, signals, ABOUT(.step = "signals"),
			"signals cannot be received: %s", strerror(-signals));
		return report_failure(arguments, status_fd, *reterr);
	}
	r = spawn_and_wait(arguments, signals, &child, reterr);
	close(signals);
	if (r < 0)
		return report_failure(arguments, status_fd, *reterr);
	outcome = ks_child_outcome(child);
	status = ks_outcome_shell_status(outcome);
	if (!arguments->quiet) {
		say_why(outcome);
		say_denied(outcome);
	}
	if (status_write(status_fd, outcome, reterr) < 0 && !arguments->quiet)
		print_error(NULL, *reterr);
	ks_child_free(child);
	return status;
}

static int open_audit(struct arguments *arguments, ks_error **reterr)
{
	const struct output audit = {
		.option = "--egress-audit", .where = arguments->audit, .keep = true};
	int fd = -1;
	int r = output_open(&audit, &fd, reterr);

	arguments->run.egress_audit = fd >= 0;
	arguments->run.egress_audit_fd = fd;
	return r;
}

static void inherit_stdio(struct arguments *arguments)
{
	for (int i = 0; i < 3; i++)
		arguments->run.stdio[i] = KS_STDIO_INHERIT;
	if (arguments->run.terminal)
		terminal_size(&arguments->run.terminal_rows, &arguments->run.terminal_columns);
}

int command_run(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	int status_fd = -1;
	int status = STATUS_OK;
	int parsed = arguments_parse(argc, argv, FOR_RUN, &arguments, &error);
	int r = parsed;

	/* A file must not be opened twice, as it may be a pipe; a descriptor may. */
	if (r < 0 || arguments.audit ||
		(arguments.status && strncmp(arguments.status, "fd:", 3) != 0))
		hand_over();
	if (r == 0 && arguments.help) {
		print_help(find_command("run"));
		arguments_done(&arguments);
		return STATUS_OK;
	}
	if (r == 0)
		r = own_files_check(&arguments, &error);
	if (status_open(arguments.status, &status_fd, r == 0 ? &error : NULL) < 0)
		r = -EINVAL;
	if (r == 0)
		r = open_audit(&arguments, &error);
	/* What a link leads to may exist only now. */
	if (r == 0 && (arguments.status || arguments.audit))
		r = own_files_check(&arguments, &error);
	if (r == 0 && !arguments.program[0])
		r = error_set(&error, -EINVAL,
			ABOUT(.step = "usage",
				.remedy = "kastellan run [OPTION]... -- PROGRAM [ARG]..."),
			"run: no program is named");
	if (r < 0)
		hand_over();
	inherit_stdio(&arguments);
	status = r < 0 ? report_failure(&arguments, status_fd, error)
		       : run(&arguments, status_fd, &error);
	if (status_fd >= 0)
		close(status_fd);
	if (arguments.run.egress_audit)
		close(arguments.run.egress_audit_fd);
	ks_error_free(error);
	arguments_done(&arguments);
	return status;
}
