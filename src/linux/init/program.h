/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_PROGRAM_H
#define KS_LINUX_INIT_PROGRAM_H

#include "linux/init/spec_read.h"

/* Executes the program; returns only when that failed, with ENOENT or ENOTDIR where it was not
 * found and another errno where it could not be executed. */
int program_execute(const struct spec *spec, struct failure *failure);

#endif
