/* SPDX-License-Identifier: Apache-2.0 */
/* All but `kastellan run` is not in a hurry. */
#include "cli/cli.h"
#include "cli/hand_over.h"

static int by_the_command(void)
{
	hand_over();
	return STATUS_FAILED;
}

#define BY_THE_COMMAND(name)             \
	int name(int argc, char **argv)  \
	{                                \
		(void)argc;              \
		(void)argv;              \
		return by_the_command(); \
	}

BY_THE_COMMAND(command_mcp)
BY_THE_COMMAND(command_plan)
BY_THE_COMMAND(command_check)
BY_THE_COMMAND(command_egress)
BY_THE_COMMAND(command_doctor)
BY_THE_COMMAND(command_workers)
BY_THE_COMMAND(command_selftest)
BY_THE_COMMAND(command_schema)
BY_THE_COMMAND(command_completion)
