/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"

#define GRANTS (FOR_RUN | FOR_MCP | FOR_PLAN | FOR_SELFTEST)

static int usage(ks_error **reterr, const char *option, const char *value, const char *expected)
{
	return error_set(reterr, -EINVAL, ABOUT(.step = "usage", .remedy = expected),
		"--%s: \"%s\" is not understood", option, value);
}

static int apply_policy(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->policy_file = value;
	return 0;
}

static int apply_backend(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->backend = value;
	return 0;
}

static int apply_image(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->image = value;
	return 0;
}

static int apply_host(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->host_file = value;
	return 0;
}

static int apply_read(struct arguments *arguments, const char *value, ks_error **reterr)
{
	return ks_policy_add_read(arguments->policy, value, reterr);
}

static int apply_write(struct arguments *arguments, const char *value, ks_error **reterr)
{
	return ks_policy_add_write(arguments->policy, value, reterr);
}

static int apply_net(struct arguments *arguments, const char *value, ks_error **reterr)
{
	return ks_policy_add_endpoint(arguments->policy, value, reterr);
}

static int apply_env(struct arguments *arguments, const char *value, ks_error **reterr)
{
	const char *equals = strchr(value, '=');
	char *name;
	int r;

	if (!equals)
		return usage(reterr, "env", value, "write NAME=VALUE");
	name = strndup(value, (size_t)(equals - value));
	if (!name)
		return error_oom(reterr);
	r = ks_policy_set_env(arguments->policy, name, equals + 1, reterr);
	free(name);
	return r;
}

static int apply_profile(struct arguments *arguments, const char *value, ks_error **reterr)
{
	if (strcmp(value, "WorkerStrict") == 0)
		return ks_policy_set_profile(arguments->policy, KS_PROFILE_WORKER_STRICT, reterr);
	if (strcmp(value, "WorkerNetClient") == 0)
		return ks_policy_set_profile(
			arguments->policy, KS_PROFILE_WORKER_NET_CLIENT, reterr);
	return usage(reterr, "profile", value, "write WorkerStrict or WorkerNetClient");
}

static int apply_mem(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t mib;

	if (parse_size_mib(value, &mib) < 0)
		return usage(reterr, "mem", value, "write a size such as 64M or 2G; 0 is no limit");
	return ks_policy_set_mem_mb(arguments->policy, mib, reterr);
}

static int apply_cpu(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t ms;

	if (parse_time_ms(value, &ms) < 0)
		return usage(reterr, "cpu", value,
			"write a time such as 500ms, 2s or 1m; 0 is no limit");
	return ks_policy_set_cpu_ms(arguments->policy, ms, reterr);
}

static int apply_cpu_quota(struct arguments *arguments, const char *value, ks_error **reterr)
{
	char digits[24];
	size_t len = strlen(value);
	uint64_t percent;

	if (len && value[len - 1] == '%')
		len--;
	if (len >= sizeof(digits))
		return usage(reterr, "cpu-quota", value, "write a percentage of one processor: 50");
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (parse_number(digits, &percent) < 0)
		return usage(reterr, "cpu-quota", value, "write a percentage of one processor: 50");
	return ks_policy_set_cpu_quota_pct(arguments->policy, percent, reterr);
}

static int apply_tasks(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t tasks;

	if (parse_number(value, &tasks) < 0)
		return usage(reterr, "tasks", value, "write a number of processes and threads: 64");
	return ks_policy_set_tasks_max(arguments->policy, tasks, reterr);
}

static int apply_timeout(struct arguments *arguments, const char *value, ks_error **reterr)
{
	if (parse_time_ms(value, &arguments->run.timeout_ms) < 0)
		return usage(reterr, "timeout", value, "write a time such as 500ms, 30s or 5m");
	return 0;
}

static int apply_cwd(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->run.cwd = value;
	return 0;
}

static int apply_tty(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)value;
	(void)reterr;
	arguments->run.terminal = 1;
	return 0;
}

static int apply_quiet(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)value;
	(void)reterr;
	arguments->quiet = true;
	return 0;
}

static int apply_json(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)value;
	(void)reterr;
	arguments->json = true;
	return 0;
}

static int apply_help(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)value;
	(void)reterr;
	arguments->help = true;
	return 0;
}

static int apply_status(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->status = value;
	return 0;
}

static int apply_audit(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->audit = value;
	return 0;
}

static int apply_listen(struct arguments *arguments, const char *value, ks_error **reterr)
{
	if (arguments->n_listen == KS_EGRESS_MAX_DOORS)
		return error_set(reterr, -E2BIG,
			ABOUT(.step = "usage", .path = value,
				.remedy = "start another kastellan egress for the others"),
			"--listen: there are more than %d", KS_EGRESS_MAX_DOORS);
	arguments->listen[arguments->n_listen++] = value;
	return 0;
}

static int apply_sni(struct arguments *arguments, const char *value, ks_error **reterr)
{
	if (strcmp(value, "match") == 0)
		return ks_policy_set_egress_sni(arguments->policy, KS_SNI_MATCH, reterr);
	if (strcmp(value, "off") == 0)
		return ks_policy_set_egress_sni(arguments->policy, KS_SNI_OFF, reterr);
	return usage(reterr, "sni", value, "write match or off");
}

static int apply_connections(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t connections;

	if (parse_number(value, &connections) < 0)
		return usage(reterr, "connections", value, "write a number of connections: 64");
	return ks_policy_set_egress_connections(arguments->policy, connections, reterr);
}

static int apply_idle(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t ms;

	if (parse_time_ms(value, &ms) < 0)
		return usage(
			reterr, "idle", value, "write a time such as 30s or 5m; 0 is no limit");
	return ks_policy_set_egress_idle_ms(arguments->policy, ms, reterr);
}

static int apply_degraded(struct arguments *arguments, const char *value, ks_error **reterr)
{
	while (*value) {
		size_t len = strcspn(value, ",");
		char name[32];
		unsigned field = 0;

		if (len < sizeof(name)) {
			memcpy(name, value, len);
			name[len] = '\0';
			field = ks_field_from_name(name);
		}
		if (!field)
			return usage(reterr, "allow-degraded", value,
				"write names of policy fields, such as mem_mb,tasks_max");
		arguments->run.allow_degraded |= field;
		value += len + (value[len] == ',');
	}
	return 0;
}

static int apply_tools(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->tools_file = value;
	return 0;
}

static int apply_socket(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)reterr;
	arguments->socket = value;
	return 0;
}

static int apply_ahead(struct arguments *arguments, const char *value, ks_error **reterr)
{
	uint64_t number;

	if (parse_number(value, &number) < 0 || number > KS_PREPARED_MAX)
		return usage(reterr, "ahead", value, "write a number of jails from 0 to 256");
	arguments->ahead = (uint32_t)number;
	return 0;
}

static int apply_shared_egress(struct arguments *arguments, const char *value, ks_error **reterr)
{
	(void)value;
	(void)reterr;
	arguments->shared_egress = true;
	return 0;
}

const struct option_row option_rows[] = {
	{0, "tools", "TOOLS.json", FOR_WORKERS | FOR_MCP, "file",
		"the manifest of tools, or of MCP servers, see kastellan-tools(5)", true,
		apply_tools},
	{0, "socket", "PATH", FOR_WORKERS, "file",
		"where clients connect; not with a socket of the service manager", true,
		apply_socket},
	{0, "ahead", "N", FOR_WORKERS, NULL,
		"jails that are kept waiting for each tool of single use; 0, the default, is none",
		true, apply_ahead},
	{0, "shared-egress", NULL, FOR_WORKERS, NULL,
		"one egress proxy for all workers with an allowlist, instead of one each", true,
		apply_shared_egress},
	{'p', "policy", "POLICY.json", GRANTS | FOR_EGRESS, "file",
		"the policy; without it, the default policy", true, apply_policy},
	{'b', "backend", "BACKEND", GRANTS, "backend",
		"bwrap (default), native, landlock, qemu, firecracker; of a Mac: seatbelt, "
		"container",
		true, apply_backend},
	{0, "image", "IMAGE", GRANTS | FOR_DOCTOR, NULL,
		"image of the backend container (alpine:3.20); others have none", true,
		apply_image},
	{0, "host", "FACTS.json", FOR_PLAN | FOR_DOCTOR, "file",
		"another host, as its doctor --json tells of it: nothing is run", true, apply_host},
	{'r', "read", "PATH", GRANTS, "path", "show PATH read-only; ?PATH where it exists", false,
		apply_read},
	{'w', "write", "PATH", GRANTS, "path",
		"show PATH readable and writable; ?PATH where it exists", false, apply_write},
	{0, "listen", "WHERE", FOR_EGRESS, NULL,
		"unix:PATH, 127.0.0.1:PORT or [::1]:PORT; port 0 takes a free one", true,
		apply_listen},
	{0, "net", "HOST:PORT", GRANTS | FOR_EGRESS, NULL,
		"an endpoint to reach, of any TCP protocol; *.DOMAIN:PORT for all below", false,
		apply_net},
	{0, "sni", "match|off", FOR_EGRESS, "sni",
		"whether TLS to port 443 has to name its host (match, the default)", false,
		apply_sni},
	{0, "connections", "N", FOR_EGRESS, NULL, "connections at once", false, apply_connections},
	{0, "idle", "TIME", FOR_EGRESS, NULL,
		"end connections without a byte for so long: 30s, 5m; 0 never (default)", false,
		apply_idle},
	{'e', "env", "NAME=VALUE", GRANTS, NULL,
		"set a variable; the worker's environment has no other", false, apply_env},
	{0, "profile", "NAME", GRANTS, "profile", "WorkerStrict (default) or WorkerNetClient",
		false, apply_profile},
	{0, "mem", "SIZE", GRANTS, NULL,
		"memory of the worker tree: 64M, 2G (plain: MiB); 0 no limit", false, apply_mem},
	{0, "cpu", "TIME", GRANTS, NULL,
		"CPU time of the worker tree: 500ms, 2s (plain: seconds); 0 no limit", false,
		apply_cpu},
	{0, "cpu-quota", "PCT", GRANTS, NULL, "CPU bandwidth in percent of one processor", false,
		apply_cpu_quota},
	{0, "tasks", "N", GRANTS, NULL, "processes and threads at once", false, apply_tasks},
	{0, "timeout", "TIME", FOR_RUN | FOR_MCP, NULL,
		"wall-clock limit (of mcp: of one request): 500ms, 30s (plain: seconds)", false,
		apply_timeout},
	{0, "cwd", "DIR", FOR_RUN | FOR_MCP, "directory", "working directory inside", false,
		apply_cwd},
	{'t', "tty", NULL, FOR_RUN, NULL, "give the worker a terminal of its own", false,
		apply_tty},
	{'q', "quiet", NULL, FOR_RUN | FOR_MCP | FOR_EGRESS | FOR_WORKERS, NULL,
		"write nothing to stderr, not even failures", true, apply_quiet},
	{0, "status", "FILE|fd:N", FOR_RUN, "file",
		"write the outcome as JSON, see kastellan-status(5)", true, apply_status},
	{0, "egress-audit", "FILE|fd:N", FOR_RUN | FOR_EGRESS, "file",
		"write each decision about the network as JSON, see kastellan-egress(1)", true,
		apply_audit},
	{0, "allow-degraded", "FIELD,...", GRANTS | FOR_WORKERS, "field",
		"accept that these policy fields are not fully held", true, apply_degraded},
	{0, "json", NULL, FOR_PLAN | FOR_DOCTOR | FOR_SELFTEST, NULL, "print JSON", true,
		apply_json},
	{'h', "help", NULL,
		FOR_RUN | FOR_MCP | FOR_PLAN | FOR_DOCTOR | FOR_EGRESS | FOR_WORKERS | FOR_SELFTEST,
		NULL, "print this help", true, apply_help},
};
const size_t n_option_rows = sizeof(option_rows) / sizeof(option_rows[0]);

const struct command_row command_rows[] = {
	{"run", FOR_RUN, "[OPTION]... [--] PROGRAM [ARG]...", "program", "run PROGRAM confined",
		command_run},
	{"mcp", FOR_MCP, "[OPTION]... [--] PROGRAM [ARG]... | --tools TOOLS.json", "program",
		"run PROGRAM, a server of the Model Context Protocol, or many as one, confined (on "
		"Linux)",
		command_mcp},
	{"workers", FOR_WORKERS, "--tools TOOLS.json --socket PATH", NULL,
		"keep the workers of an agent's tools behind a socket (on Linux)", command_workers},
	{"plan", FOR_PLAN, "[OPTION]... [--] [PROGRAM [ARG]...]", "program",
		"print what would be enforced, by which mechanism, held or not", command_plan},
	{"egress", FOR_EGRESS, "--listen WHERE [OPTION]...", NULL,
		"run the egress proxy alone, for programs that something else confines",
		command_egress},
	{"check", 0, "FILE...", "file", "check policies and manifests; every problem is printed",
		command_check},
	{"doctor", FOR_DOCTOR, "[OPTION]...", NULL, "try every backend and layer of this host",
		command_doctor},
	{"selftest", FOR_SELFTEST, "[OPTION]...", NULL,
		"try forbidden acts under a policy, with controls: what holds on this host (on "
		"Linux)",
		command_selftest},
	{"schema", 0, "[policy|tools]", "schema",
		"print the JSON Schema of a policy, or of a manifest of tools", command_schema},
	{"completion", 0, "SHELL", "shell", "print completions for bash, zsh or fish",
		command_completion},
	{"help", 0, "[COMMAND]", "command", "print help", command_help},
};
const size_t n_command_rows = sizeof(command_rows) / sizeof(command_rows[0]);
