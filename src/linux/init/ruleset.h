/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's Landlock domain. */
#ifndef KS_LINUX_INIT_RULESET_H
#define KS_LINUX_INIT_RULESET_H

#include "linux/init/spec_read.h"

/* Opens the ruleset and every object that has a rule. terminal: the worker's own, -1 without one;
 * it has a rule where there are no namespaces. *ret_fd stays as it is where the spec has no
 * Landlock. */
int ruleset_build(const struct spec *spec, int terminal, int *ret_fd, struct failure *failure);

/* Restricts the calling process and closes the ruleset. Needs no_new_privs. */
int ruleset_enforce(int fd, struct failure *failure);

#endif
