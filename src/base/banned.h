/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that have no place here: unbounded copies, shells, hidden state. Included by the build
 * (-include) in every file of the project, after the headers that declare them. */
#ifndef KS_BASE_BANNED_H
#define KS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok gets system popen
#pragma GCC poison tmpnam mktemp

#endif
