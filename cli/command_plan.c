/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/options.h"

static int print_plan(const ks_plan *plan, bool json)
{
	char *text = NULL;
	int r = json ? ks_plan_json(plan, &text) : ks_plan_text(plan, &text);

	if (r < 0) {
		fprintf(stderr, "kastellan: plan: %s\n", strerror(-r));
		return r;
	}
	fputs(text, stdout);
	free(text);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int plan(const struct arguments *arguments, ks_error **reterr)
{
	ks_backends *backends = NULL;
	ks_backend *backend = NULL;
	ks_plan *made = NULL;
	int r = cli_backend(arguments, &backends, &backend, reterr);

	if (r == 0)
		r = ks_plan_new(backend, arguments->policy,
			arguments->program[0] ? (const char *const *)arguments->program : NULL,
			&made, reterr);
	if (r == 0)
		r = print_plan(made, arguments->json);
	/* A plan that would be refused is printed, and then the refusal: the exit status tells. */
	if (r == 0)
		r = ks_plan_check(made, arguments->run.allow_degraded, reterr);
	ks_plan_free(made);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	return r;
}

int command_plan(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	int r = arguments_parse(argc, argv, FOR_PLAN, &arguments, &error);

	if (r == 0 && arguments.help)
		print_help(find_command("plan"));
	else if (r == 0)
		r = plan(&arguments, &error);
	if (r < 0)
		print_error(is_of_host(error) ? arguments.host_file : arguments.policy_file, error);
	ks_error_free(error);
	arguments_done(&arguments);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}
