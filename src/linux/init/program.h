/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_PROGRAM_H
#define KS_LINUX_INIT_PROGRAM_H

#include "linux/init/spec_read.h"

/* Executes argv in the environment of the spec; returns only when that failed, with ENOENT or
 * ENOTDIR where it was not found and another errno where it could not be executed. */
int program_execute(const struct spec *spec, const char *const *argv, struct failure *failure);

#endif
