/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/error.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/loop.h"
#include "cli/signals.h"
#include "cli/options.h"
#include "cli/own_files.h"
#include "mcp/router.h"
#include "mcp/serve.h"

#define SINGLE_USE_AT_ONCE 4 /* processes of a server for one request each */

static void report(const ks_error *error)
{
	print_error(NULL, error);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static struct serve_options common(const struct arguments *arguments, int signals)
{
	return (struct serve_options){
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = arguments->quiet ? -1 : STDERR_FILENO,
		.signals = signals,
		.report = arguments->quiet ? NULL : report,
	};
}

static int serve(const struct arguments *arguments, int signals, ks_error **reterr)
{
	struct serve_server server = {
		.name = base_name(arguments->program[0]),
		.policy = arguments->policy,
		.argv = (const char *const *)arguments->program,
		.run = arguments->run,
		.timeout_ms = arguments->run.timeout_ms,
		.max_message = KS_MAX_MESSAGE_BYTES,
	};
	struct serve_options options = common(arguments, signals);
	ks_backends *backends = NULL;
	int r = cli_backend(arguments, &backends, &server.backend, reterr);

	options.servers = &server;
	options.n_servers = 1;
	if (r == 0)
		r = mcp_serve(&options, reterr);
	ks_backend_unref(server.backend);
	ks_backends_free(backends);
	return r;
}

/* One server of the manifest. */
static int settle(const struct arguments *arguments, ks_backends *backends,
	const struct ks_tool *tool, struct serve_server *ret_server, ks_error **reterr)
{
	bool single = tool->lifecycle == KS_LIFECYCLE_SINGLE_USE;
	enum ks_backend_kind kind = tool->backend;
	int r = 0;

	*ret_server = (struct serve_server){
		.name = tool->name,
		.policy = tool->policy,
		.argv = tool->argv,
		.run = arguments->run,
		.timeout_ms = tool->wall_ms,
		.max_message = tool->max_message_bytes,
		.instances = single	       ? SINGLE_USE_AT_ONCE
			     : tool->instances ? tool->instances
					       : ROUTER_INSTANCES,
		.single_use = single,
		.idle_ms = single ? 0 : tool->idle_seconds * 1000,
		.max_age_ms = single ? 0 : tool->max_age_seconds * 1000,
		.max_requests = single ? 0 : tool->max_requests,
	};
	ret_server->run.cwd = tool->cwd;
	if (!router_name_good(tool->name))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "mcp", .field = "tools", .path = tool->name,
				.remedy = "name it otherwise: \"__\" stands between the names of a "
					  "server and its tool"),
			"tool \"%s\": the name of a server has no \"__\", and no \"_\" at its end",
			tool->name);
	if (kind == KS_BACKEND_NONE && arguments->backend)
		r = ks_backends_kind_from_name(backends, arguments->backend, &kind, reterr);
	if (r < 0)
		return r;
	r = ks_backends_resolve(
		backends, kind, tool->image ? tool->image : arguments->image, &ret_server->backend);
	return r < 0 ? error_set(reterr, r, ABOUT(.step = "resolve"), "no backend can be chosen")
		     : 0;
}

static int serve_manifest(
	const struct arguments *arguments, const ks_tools *tools, int signals, ks_error **reterr)
{
	struct serve_server servers[ROUTER_SERVERS] = {0};
	struct serve_options options = common(arguments, signals);
	struct ks_tool tool = {.size = sizeof(tool)};
	ks_backends *backends = NULL;
	size_t n = 0;
	int r = ks_backends_new(&backends) < 0 ? error_oom(reterr) : 0;

	for (; r == 0 && n < ROUTER_SERVERS && ks_tools_get(tools, n, &tool) == 0; n++)
		r = settle(arguments, backends, &tool, &servers[n], reterr);
	if (r == 0 && (n == 0 || ks_tools_get(tools, n, &tool) == 0))
		r = error_set(reterr, -EINVAL,
			ABOUT(.step = "mcp", .field = "tools", .path = arguments->tools_file,
				.remedy = "name at least one server, and at most 64"),
			"mcp: the manifest has %s", n ? "more than 64 servers" : "no server");
	options.servers = servers;
	options.n_servers = n;
	options.merged = true;
	if (r == 0)
		r = mcp_serve(&options, reterr);
	for (size_t i = 0; i < n; i++)
		ks_backend_unref(servers[i].backend);
	ks_backends_free(backends);
	return r;
}

static int serve_tools(const struct arguments *arguments, int signals, ks_error **reterr)
{
	ks_tools *tools = NULL;
	int r = ks_tools_load(arguments->tools_file, &tools, reterr);

	if (r == 0)
		r = own_files_check_tools(arguments, tools, reterr);
	if (r == 0)
		r = serve_manifest(arguments, tools, signals, reterr);
	ks_tools_free(tools);
	return r;
}

static int usage(const char *what, ks_error **reterr)
{
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "usage",
			.remedy = "kastellan mcp [OPTION]... -- PROGRAM [ARG]..., or kastellan mcp "
				  "--tools TOOLS.json"),
		"mcp: %s", what);
}

/* What would be overlooked in silence is refused. */
static int check_tools(const struct arguments *arguments, ks_error **reterr)
{
	const char *option = arguments->policy_file ? "policy" : arguments->shaped_by;

	if (arguments->program[0])
		return usage("a program and --tools exclude each other", reterr);
	if (!option)
		return 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "usage", .path = arguments->tools_file,
			.remedy = "write it into the manifest, for each server: "
				  "kastellan-tools(5)"),
		"mcp: --%s is for one server, and --tools names many", option);
}

static int prepare(struct arguments *arguments, int *ret_signals, ks_error **reterr)
{
	int r = own_files_check(arguments, reterr);

	if (r < 0)
		return r;
	if (!arguments->program[0] && !arguments->tools_file)
		return usage("no server is named", reterr);
	r = arguments->tools_file ? check_tools(arguments, reterr) : 0;
	if (r < 0)
		return r;
	loop_allow_descriptors();
	*ret_signals = signals_open();
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
		r = arguments.tools_file ? serve_tools(&arguments, signals, &error)
					 : serve(&arguments, signals, &error);
	if (r < 0 && !arguments.quiet)
		print_error(
			arguments.tools_file ? arguments.tools_file : arguments.policy_file, error);
	if (signals >= 0)
		close(signals);
	ks_error_free(error);
	arguments_done(&arguments);
	if (r < 0)
		return STATUS_FAILED;
	return r > 0 ? 128 + r : STATUS_OK;
}
