/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need what only Linux has. */
#include <string.h>

#include "cli/cli.h"

/* Help is there for whoever reads of them here. */
static int refuse(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_help(find_command(argv[0]));
		return STATUS_OK;
	}
	return usage_error("this command is not built for this operating system", argv[0],
		"use it on Linux; here there are run, plan, doctor, egress and check");
}

int command_mcp(int argc, char **argv)
{
	return refuse(argc, argv);
}

int command_selftest(int argc, char **argv)
{
	return refuse(argc, argv);
}

int command_workers(int argc, char **argv)
{
	return refuse(argc, argv);
}
