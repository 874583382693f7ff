/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker on macOS needs of the system, each entry with its reason. What is missing is
 * missing on purpose: /bin, /usr/bin and Homebrew are a grant away, as only the program and what is
 * granted may be executed; /Library and /Users hold settings of people. */
#ifndef KS_MACOS_PLAN_SYSTEM_H
#define KS_MACOS_PLAN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

struct macos_path {
	const char *name; /* of the parameter */
	const char *path;
	bool tree; /* with all beneath it */
	bool load; /* code of it may be mapped */
	bool write; /* its data may be written */
	bool network; /* only where the worker has the host's network */
};

extern const struct macos_path macos_paths[];
extern const size_t n_macos_paths;

/* Links on the way to them and to grants: whoever follows one looks at it. */
extern const char *const macos_links[];
extern const size_t n_macos_links;

/* Names of sysctl that runtimes read: of the processor, the memory and the system's version. Not
 * the host's name. */
extern const char *const macos_sysctls[];
extern const size_t n_macos_sysctls;
/* Beginnings of such names. */
extern const char *const macos_sysctl_families[];
extern const size_t n_macos_sysctl_families;

/* Operations that (deny default) leaves open, and that no worker needs. Older systems lack some. */
extern const char *const macos_open_operations[];
extern const size_t n_macos_open_operations;

#endif
