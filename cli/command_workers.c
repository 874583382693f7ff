/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/loop.h"
#include "cli/signals.h"
#include "cli/options.h"
#include "cli/own_files.h"
#include "daemon/daemon.h"

static void report(const ks_error *error)
{
	print_error(NULL, error);
}

static int accept_tools(void *data, const ks_tools *tools, ks_error **reterr)
{
	return own_files_check_tools(data, tools, reterr);
}

static int missing(const char *what, ks_error **reterr)
{
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "usage",
			.remedy = "kastellan workers --tools tools.json --socket PATH"),
		"workers: %s", what);
}

/* The service manager's socket, or one of our own at the path, which goes with us. */
static int open_listener(const struct arguments *arguments, int *ret_listener,
	struct socket_name *ret_name, ks_error **reterr)
{
	int r = daemon_inherit(ret_listener, reterr);

	if (r == 0 && arguments->socket)
		return missing(
			"the service manager has opened a socket: leave --socket out", reterr);
	if (r != -ENOENT)
		return r;
	if (!arguments->socket)
		return missing("no socket is named", reterr);
	return daemon_listen(arguments->socket, ret_listener, ret_name, reterr);
}

static int serve(struct arguments *arguments, int listener, int signals, ks_error **reterr)
{
	struct daemon_options options = {
		.tools = arguments->tools_file,
		.workers =
			{
				.size = sizeof(options.workers),
				.allow_degraded = arguments->run.allow_degraded,
				.jails_ahead = arguments->ahead,
			},
		.listener = listener,
		.signals = signals,
		.accept = accept_tools,
		.data = arguments,
		.report = arguments->quiet ? NULL : report,
	};
	int r = arguments->shared_egress
			? ks_egress_pool_new(NULL, &options.workers.egress_pool, reterr)
			: 0;

	if (r < 0)
		return r;
	r = ks_backends_new(&options.backends) < 0 ? error_oom(reterr)
						   : daemon_run(&options, reterr);
	ks_backends_free(options.backends);
	ks_egress_pool_free(options.workers.egress_pool);
	return r;
}

static int run(struct arguments *arguments, ks_error **reterr)
{
	struct socket_name name = {0};
	int listener = -1;
	int signals;
	int r;

	if (arguments->program[0])
		return missing("it takes options alone", reterr);
	if (!arguments->tools_file)
		return missing("no manifest of tools is named", reterr);
	loop_allow_descriptors();
	/* Before anything is started, and so that no signal is lost. */
	signals = signals_open();
	if (signals < 0)
		return error_set(reterr, signals, ABOUT(.step = "signals"),
			"signals cannot be received: %s", strerror(-signals));
	r = open_listener(arguments, &listener, &name, reterr);
	if (r == 0)
		r = serve(arguments, listener, signals, reterr);
	if (listener >= 0 && arguments->socket)
		daemon_forget(arguments->socket, &name);
	if (listener >= 0)
		close(listener);
	close(signals);
	return r;
}

int command_workers(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	int r = arguments_parse(argc, argv, FOR_WORKERS, &arguments, &error);

	if (r == 0 && arguments.help)
		print_help(find_command("workers"));
	else if (r == 0)
		r = run(&arguments, &error);
	if (r < 0 && !arguments.quiet)
		print_error(arguments.tools_file, error);
	ks_error_free(error);
	arguments_done(&arguments);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}
