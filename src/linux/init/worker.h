/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_WORKER_H
#define KS_LINUX_INIT_WORKER_H

#include <sys/types.h>

#include "linux/init/spec_read.h"

/* Forks the child that becomes the program. It says over *ret_report CONTROL_FAILED, or
 * CONTROL_READY (with the filter's listener, if it has one) right before its exec; the end of
 * *ret_report after that means that the program runs. terminal is -1 for SLOT_STDIN and so on. */
int worker_start(const struct spec *spec, int terminal, const int *groups, size_t n_groups,
	pid_t *ret_pid, int *ret_report, struct failure *failure);

#endif
