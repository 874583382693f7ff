/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static int wants_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

int command_check(int argc, char **argv)
{
	int status = STATUS_OK;
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (wants_help(argc, argv)) {
		print_help(find_command("check"));
		return STATUS_OK;
	}
	if (first == 1 && argc > 1 && argv[1][0] == '-')
		return usage_error("check: there is no such option", argv[1],
			"write ./ before it if it is a file; /dev/stdin is the standard input");
	if (first >= argc) {
		fprintf(stderr, "kastellan: check: no file is named\n"
				"  remedy: kastellan check POLICY.json\n");
		return STATUS_FAILED;
	}
	for (int i = first; i < argc; i++) {
		ks_policy *policy = NULL;
		ks_error *error = NULL;

		if (ks_policy_load(argv[i], &policy, &error) < 0) {
			print_error(argv[i], error);
			status = STATUS_NO;
		} else {
			printf("%s: good\n", argv[i]);
		}
		ks_policy_free(policy);
		ks_error_free(error);
	}
	return status;
}

int command_schema(int argc, char **argv)
{
	char *text = NULL;

	if (wants_help(argc, argv)) {
		print_help(find_command("schema"));
		return STATUS_OK;
	}
	if (argc > 1)
		return usage_error("schema: it takes no argument", argv[1], "kastellan schema");
	if (ks_policy_schema(&text) < 0) {
		fprintf(stderr, "kastellan: out of memory\n");
		return STATUS_FAILED;
	}
	fputs(text, stdout);
	free(text);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
