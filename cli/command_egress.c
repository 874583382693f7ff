/* SPDX-License-Identifier: Apache-2.0 */
/* `kastellan egress`: the proxy alone, until it is told to end. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/denied.h"
#include "cli/doors.h"
#include "cli/signals.h"
#include "cli/options.h"
#include "cli/output.h"

#define END_MS 3000 /* from the signal on; the proxy's own bound for what is under way is 2 s */

/* Whether one of those came that end us. */
static bool told_to_end(int signals)
{
	bool told = false;
	int number;

	while ((number = signals_next(signals)))
		told = told || number == SIGTERM || number == SIGINT || number == SIGHUP ||
		       number == SIGQUIT;
	return told;
}

/* Until it has ended. A second signal ends it at once. */
static int serve(ks_egress *egress, int signals, ks_error **reterr)
{
	int64_t deadline = 0;

	while (!ks_egress_dispatch(egress)) {
		struct pollfd fds[2] = {{.fd = ks_egress_fd(egress), .events = POLLIN},
			{.fd = signals, .events = POLLIN}};
		int64_t left = deadline ? deadline - clock_ms() : -1;

		if (deadline && left <= 0)
			return error_set(reterr, -ETIMEDOUT, ABOUT(.step = "egress"),
				"the egress proxy did not end in time, and was killed");
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return error_set(reterr, -errno, ABOUT(.step = "egress"),
				"waiting for the egress proxy failed: %s", strerror(errno));
		if (!told_to_end(signals))
			continue;
		if (deadline)
			return error_set(reterr, -EINTR, ABOUT(.step = "egress"),
				"the egress proxy was killed by the second signal");
		ks_egress_stop(egress);
		deadline = clock_ms() + END_MS;
	}
	if (ks_egress_died(egress))
		return error_set(reterr, -ECHILD,
			ABOUT(.step = "egress",
				.remedy = "start it again; that it ends by itself is a fault of "
					  "kastellan, or somebody killed it"),
			"the egress proxy ended without having been told to");
	return 0;
}

static void print_summary(const ks_egress *egress)
{
	struct ks_denied_destination denied = {.size = sizeof(denied)};

	fprintf(stderr,
		"kastellan: %" PRIu64 " connections, %" PRIu64 " bytes sent, %" PRIu64
		" received; %" PRIu64 " denied\n",
		ks_egress_connections(egress), ks_egress_bytes_sent(egress),
		ks_egress_bytes_received(egress), ks_egress_connections_denied(egress));
	print_suppressed(ks_egress_audit_suppressed(egress));
	for (size_t i = 0;
		i < DENIED_SHOWN && ks_egress_denied_destination(egress, i, &denied) == 0; i++)
		print_denied(&denied);
}

static int run(const struct arguments *arguments, struct doors *doors, int audit, int signals,
	ks_error **reterr)
{
	const struct ks_egress_options options = {.size = sizeof(options),
		.doors = doors->fds,
		.n_doors = doors->count,
		.audit = audit >= 0,
		.audit_fd = audit};
	ks_egress *egress = NULL;
	int r = ks_egress_start(arguments->policy, &options, &egress, reterr);

	if (r < 0)
		return r;
	doors_print(doors);
	doors_leave(doors);
	r = serve(egress, signals, reterr);
	if (r == 0 && !arguments->quiet)
		print_summary(egress);
	ks_egress_free(egress);
	return r;
}

static int check(const struct arguments *arguments, ks_error **reterr)
{
	if (arguments->program[0])
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage", .path = arguments->program[0],
				.remedy = "kastellan help egress lists the options"),
			"egress: this is one word too many: %s", arguments->program[0]);
	if (!arguments->n_listen)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage",
				.remedy =
					"say where it is to listen: --listen unix:PATH or --listen "
					"127.0.0.1:PORT"),
			"egress: no place to listen is named");
	return 0;
}

static int open_and_run(const struct arguments *arguments, int signals, ks_error **reterr)
{
	const struct output output = {
		.option = "--egress-audit", .where = arguments->audit, .keep = true};
	struct doors doors = {0};
	int audit = -1;
	int r = output_open(&output, &audit, reterr);

	for (size_t i = 0; r == 0 && i < arguments->n_listen; i++)
		r = doors_add(&doors, arguments->listen[i], reterr);
	if (r == 0)
		r = run(arguments, &doors, audit, signals, reterr);
	doors_close(&doors);
	if (audit >= 0)
		close(audit);
	return r;
}

int command_egress(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	int signals = -1;
	int r = arguments_parse(argc, argv, FOR_EGRESS, &arguments, &error);

	if (r == 0 && arguments.help) {
		print_help(find_command("egress"));
		arguments_done(&arguments);
		return STATUS_OK;
	}
	if (r == 0)
		r = check(&arguments, &error);
	if (r == 0) {
		signals = signals_open();
		r = signals < 0 ? error_set(&error, signals, ABOUT(.step = "signals"),
					  "signals cannot be received: %s", strerror(-signals))
				: open_and_run(&arguments, signals, &error);
	}
	if (r < 0 && !arguments.quiet)
		print_error(arguments.policy_file, error);
	if (signals >= 0)
		close(signals);
	ks_error_free(error);
	arguments_done(&arguments);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}
