/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/loop.h"
#include "cli/options.h"
#include "cli/own_files.h"
#include "mcp/serve.h"

static void report(const ks_error *error)
{
	print_error(NULL, error);
}

static int serve(const struct arguments *arguments, int signals, ks_error **reterr)
{
	struct serve_options options = {
		.policy = arguments->policy,
		.argv = (const char *const *)arguments->program,
		.run = &arguments->run,
		.timeout_ms = arguments->run.timeout_ms,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = arguments->quiet ? -1 : STDERR_FILENO,
		.signals = signals,
		.report = arguments->quiet ? NULL : report,
	};
	ks_backends *backends = NULL;
	int r = cli_backend(arguments, &backends, &options.backend, reterr);

	if (r == 0)
		r = mcp_serve(&options, reterr);
	ks_backend_unref(options.backend);
	ks_backends_free(backends);
	return r;
}

static int prepare(struct arguments *arguments, int *ret_signals, ks_error **reterr)
{
	int r = own_files_check(arguments, reterr);

	if (r < 0)
		return r;
	if (!arguments->program[0])
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage",
				.remedy = "kastellan mcp [OPTION]... -- PROGRAM [ARG]..."),
			"mcp: no server is named");
	*ret_signals = loop_signals();
	if (*ret_signals < 0)
		return error_set(reterr, *ret_signals, ABOUT(.step = "signals"),
			"signals cannot be received: %s", strerror(-*ret_signals));
	return 0;
}

int command_mcp(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	int signals = -1;
	int r = arguments_parse(argc, argv, FOR_MCP, &arguments, &error);

	if (r == 0 && arguments.help) {
		print_help(find_command("mcp"));
		arguments_done(&arguments);
		return STATUS_OK;
	}
	if (r == 0)
		r = prepare(&arguments, &signals, &error);
	if (r == 0)
		r = serve(&arguments, signals, &error);
	if (r < 0 && !arguments.quiet)
		print_error(arguments.policy_file, error);
	if (signals >= 0)
		close(signals);
	ks_error_free(error);
	arguments_done(&arguments);
	if (r < 0)
		return STATUS_FAILED;
	return r > 0 ? 128 + r : STATUS_OK;
}
