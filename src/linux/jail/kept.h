/* SPDX-License-Identifier: Apache-2.0 */
/* What the backends of a host keep from one spawn for the next, behind host->kept. */
#ifndef KS_LINUX_JAIL_KEPT_H
#define KS_LINUX_JAIL_KEPT_H

#include "resolve/host.h"

struct root_cache;

void *kept_new(void); /* NULL = out of memory: nothing is kept */
void kept_free(void *kept);

/* NULL = there are none. */
struct root_cache *kept_roots(const struct ks_host *host);

/* Takes the descriptor of the network namespace of a jail with an allowlist; the first one is held
 * until kept_free(), any other is closed. Thread-safe.
 *
 * Nobody enters it again. But its rules are still there when its jail is gone, and that makes those
 * of the next jail cheap: the first rule of its kind on a machine, and the end of the last one,
 * have the kernel rewrite its own code while all processors wait. Where these are virtual and
 * asleep that takes ten times as long as all else that the rules need. */
void kept_hold_network(const struct ks_host *host, int network);

#endif
