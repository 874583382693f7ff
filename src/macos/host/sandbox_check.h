/* SPDX-License-Identifier: Apache-2.0 */
/* The few declarations of libsandbox that are used: its header is not part of every SDK. */
#ifndef KS_MACOS_HOST_SANDBOX_CHECK_H
#define KS_MACOS_HOST_SANDBOX_CHECK_H

#include <sys/types.h>

/* Whether the process lives in a sandbox, where operation is NULL: 1 or 0. */
extern int sandbox_check(pid_t pid, const char *operation, int filter, ...);

#endif
