/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_JAIL_SPEC_PLAN_H
#define KS_LINUX_JAIL_SPEC_PLAN_H

#include "supervise/jail.h"

/* Writes down the plan for monitor and init. n_extra: descriptors of the worker behind its standard
 * streams. kernel_id: the worker's uid and gid on the host where
 * the plan drops to one of its own, else 0. *ret_fd is close-on-exec. 0 or -errno. */
int spec_from_plan(const struct ks_plan *plan, const struct jail_stdio *stdio, uint32_t n_extra,
	uint32_t kernel_id, int *ret_fd);

/* The same for the init of a guest (init/guest.h): of the host's own steps nothing is in it. */
int spec_for_guest(const struct ks_plan *plan, const struct jail_stdio *stdio, int *ret_fd);

/* SPEC_ARG records alone, for CONTROL_PROGRAM. 0 or -errno. */
int spec_of_arguments(const char *const *argv, int *ret_fd);

#endif
