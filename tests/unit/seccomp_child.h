/* SPDX-License-Identifier: Apache-2.0 */
/* Children that do one thing under a filter, or without one. */
#ifndef KS_TESTS_SECCOMP_CHILD_H
#define KS_TESTS_SECCOMP_CHILD_H

#include <stdbool.h>

#include "linux/seccomp/seccomp_filters.h"

/* What a child does: returns 0, or the errno of the act that failed. */
typedef int child_act(void);

/* A child that ended by a signal has this plus the signal for a result. */
#define CHILD_SIGNALLED 1000
/* The filter could not be loaded. */
#define CHILD_NOT_LOADED 2000

/* Runs the act in a child, after the filter where there is one. */
int child_run(const struct seccomp_program *program, child_act *act);

/* The same with a listener that, like pid 1 of a jail, notes the first call handed to it and kills.
 * *ret_nr is -1 where no call was handed over. */
int child_run_listened(const struct seccomp_program *program, child_act *act, int *ret_nr);

/* This machine's program. */
const struct seccomp_program *child_program(enum ks_profile profile, bool notify);
const char *child_machine(void);

#endif
