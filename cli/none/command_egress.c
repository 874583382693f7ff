/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no proxy at all. */
#include "cli/cli.h"

int command_egress(int argc, char **argv)
{
	(void)argc;
	return usage_error("this command is not built for this operating system", argv[0],
		"use it on Linux or macOS");
}
