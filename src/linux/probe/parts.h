/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the probe, one a layer. Each fills its own facts; what the host lacks is a fact.
 * All return 0 or -ENOMEM where they return anything. */
#ifndef KS_LINUX_PROBE_PARTS_H
#define KS_LINUX_PROBE_PARTS_H

#include <stdbool.h>

#include "resolve/host.h"

int probe_system(struct ks_host *host); /* machine, kernel, processors, ids, privileges */
int probe_distribution(struct ks_host *host);
int probe_paths(struct ks_host *host);
void probe_landlock(struct ks_host *host);
void probe_seccomp(struct ks_host *host);
void probe_idmap(struct ks_host *host, bool tried);

/* The file and its features, without starting it where it can be read. */
int probe_bwrap(struct ks_host *host);
/* By starting it: version, features, and a jail. */
int probe_bwrap_try(struct ks_host *host);

/* By making a jail without a helper, in which nothing is executed. */
int probe_native_try(struct ks_host *host);

/* By making all namespaces in a child, as the user that a jail's helper would be. */
int probe_userns(struct ks_host *host);

#endif
