/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_HELPER_H
#define KS_LINUX_INIT_HELPER_H

#include <sys/types.h>

#include "linux/init/spec_read.h"

/* How many descriptors follow each other from SLOT_GRANT on. */
unsigned helper_count_grants(void);

/* Becomes that user for good, without groups and capabilities. */
int helper_take_ids(const struct spec_ids *ids, struct failure *failure);

/* The child that becomes the helper: does not return. What goes wrong is sent over report
 * (close-on-exec) as a CONTROL_FAILED message; its end without one means that the helper runs. */
void helper_run(const struct spec *spec, unsigned n_grants, int report, pid_t parent)
	__attribute__((noreturn));

#endif
