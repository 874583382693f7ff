/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that have no place here: unbounded copies, shells, hidden state. Included by the build
 * (-include) in every file of the project, after the headers that declare them. */
#ifndef KS_BASE_BANNED_H
#define KS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fortified headers may have made macros of these. */
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok gets popen
#pragma GCC poison tmpnam mktemp

/* A word that is also a good name for other things: only the call is banned. */
#define system(command) _Static_assert(0, "no shell is ever started")

#endif
