/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_JAIL_SPEC_PLAN_H
#define KS_LINUX_JAIL_SPEC_PLAN_H

#include "supervise/jail.h"

struct spec_writer;

/* What a jail has that its plan does not know. */
struct spec_start {
	const struct jail_stdio *stdio; /* NULL: it waits for its program */
	uint32_t n_extra; /* descriptors of the worker behind its standard streams */
	uint32_t kernel_id; /* the worker's on the host, where the plan drops to one; else 0 */
	bool root; /* the shared part of its root is handed over, see root_cache.h */
};

/* Writes down the plan for monitor and init. *ret_fd is close-on-exec. 0 or -errno. */
int spec_from_plan(const struct ks_plan *plan, const struct spec_start *start, int *ret_fd);

/* The same for the init of a guest (init/guest.h): of the host's own steps nothing is in it. */
int spec_for_guest(const struct ks_plan *plan, const char *const *argv,
	const struct jail_stdio *stdio, int *ret_fd);

/* SPEC_ARG records alone, for CONTROL_PROGRAM. 0 or -errno. */
int spec_of_arguments(const char *const *argv, int *ret_fd);

/* SPEC_MOUNT for each mount of the plan. */
void spec_add_mounts(struct spec_writer *writer, const struct mount_list *mounts);

#endif
