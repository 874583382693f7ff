/* SPDX-License-Identifier: Apache-2.0 */
/* What only a Mac can be asked. */
#ifndef KS_TESTS_MACOS_PLATFORM_H
#define KS_TESTS_MACOS_PLATFORM_H

#include <stdbool.h>

bool platform_clone(char **arguments); /* a file, by copying it on write */
bool platform_service(char **arguments); /* the port of a Mach service */
bool platform_code(char **arguments); /* memory that is written to and executed */
bool platform_sysctl(char **arguments); /* the value of a name */
bool platform_process(char **arguments); /* what the system tells of another process */
bool platform_flags(char **arguments); /* a file that nobody may change any more */

#endif
