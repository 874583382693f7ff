/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no Mac, everything that it would be asked succeeds: the suite is only tried, and
 * has to find that nothing is denied. */
#include "platform.h"

bool platform_clone(char **arguments)
{
	(void)arguments;
	return true;
}

bool platform_service(char **arguments)
{
	return platform_clone(arguments);
}

bool platform_code(char **arguments)
{
	return platform_clone(arguments);
}

bool platform_sysctl(char **arguments)
{
	return platform_clone(arguments);
}

bool platform_process(char **arguments)
{
	return platform_clone(arguments);
}

bool platform_flags(char **arguments)
{
	return platform_clone(arguments);
}
