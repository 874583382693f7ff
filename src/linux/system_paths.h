/* SPDX-License-Identifier: Apache-2.0 */
/* What of the host a jail's root is made from, before any grant. */
#ifndef KS_LINUX_SYSTEM_PATHS_H
#define KS_LINUX_SYSTEM_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Paths that are shown read-only where they exist, in no particular order. */
extern const char *const system_paths[];
extern const size_t n_system_paths;

/* How the host resolves names: shown only to a worker with the host's network. */
extern const char *const network_paths[];
extern const size_t n_network_paths;
bool system_path_of_network(const char *path);

/* What of /proc, besides processes, stays visible. */
extern const struct system_proc {
	const char *path;
	bool directory;
} system_proc[];
extern const size_t n_system_proc;

/* Whether an entry of /proc stays visible. Every other one that is neither a process nor a link is
 * covered up, so that one which a new kernel adds is hidden until somebody has thought about it. */
bool system_proc_kept(const char *name);

/* Files of /proc that kernels make for their owner alone. Where the mode says so too, the kernel
 * itself refuses them to a worker, and nothing needs to cover them up. */
extern const char *const system_proc_private[];
extern const size_t n_system_proc_private;

/* Whether a path is one of the shown ones, or beneath one. */
bool system_path_shown(const char *path);

#endif
