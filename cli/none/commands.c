/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need what only Linux has. */
#include "cli/cli.h"

static int refuse(const char *name)
{
	return usage_error(
		"this command is not built for this operating system", name, "use it on Linux");
}

int command_mcp(int argc, char **argv)
{
	(void)argc;
	return refuse(argv[0]);
}

int command_selftest(int argc, char **argv)
{
	(void)argc;
	return refuse(argv[0]);
}

int command_workers(int argc, char **argv)
{
	(void)argc;
	return refuse(argv[0]);
}
