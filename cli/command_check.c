/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text_file.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/options.h"

static int wants_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* A manifest of tools is told from a policy by its one key. A text that is no JSON is called a
 * policy, and refused in the same words. */
static bool is_manifest(const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	bool manifest = json_object_get(json, "tools") != NULL;

	json_decref(json);
	return manifest;
}

/* Read once: the file may be a pipe. */
static int check(const char *path, ks_error **reterr)
{
	autofree char *text = NULL;
	ks_policy *policy = NULL;
	ks_tools *tools = NULL;
	size_t len = 0;
	int r = text_file_read(path, "policy", &text, &len, reterr);

	if (r < 0)
		return r;
	r = is_manifest(text, len) ? ks_tools_parse(text, len, path, &tools, reterr)
				   : ks_policy_parse(text, len, path, &policy, reterr);
	ks_tools_free(tools);
	ks_policy_free(policy);
	return r;
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
		ks_error *error = NULL;

		if (check(argv[i], &error) < 0) {
			print_error(argv[i], error);
			status = STATUS_NO;
		} else {
			printf("%s: good\n", argv[i]);
		}
		ks_error_free(error);
	}
	return status;
}

int command_schema(int argc, char **argv)
{
	bool tools = argc > 1 && strcmp(argv[1], "tools") == 0;
	char *text = NULL;

	if (wants_help(argc, argv)) {
		print_help(find_command("schema"));
		return STATUS_OK;
	}
	if (argc > 2 || (argc > 1 && strcmp(argv[1], "policy") != 0 && !tools))
		return usage_error("schema: there is no schema of", argv[argc > 2 ? 2 : 1],
			"kastellan schema policy, or kastellan schema tools");
	if ((tools ? ks_tools_schema(&text) : ks_policy_schema(&text)) < 0) {
		fprintf(stderr, "kastellan: out of memory\n");
		return STATUS_FAILED;
	}
	fputs(text, stdout);
	free(text);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
