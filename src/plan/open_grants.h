/* SPDX-License-Identifier: Apache-2.0 */
/* The only place where the names of grants are resolved: each is opened once, and from then on the
 * descriptor is what is mounted, ruled and verified. Each platform directory has its own
 * implementation, chosen by the build. */
#ifndef KS_PLAN_OPEN_GRANTS_H
#define KS_PLAN_OPEN_GRANTS_H

#include "plan/plan.h"

/* Opens every grant of the policy; absent optional ones are listed, not opened. idmap: also find
 * out which file systems can show their files with mapped ids. Returns 0; -ENOENT, -EACCES, ... of
 * the first grant that cannot be opened; -EINVAL for an object that is neither file, directory nor
 * FIFO; -ESTALE when it was replaced in the very moment. */
int grants_open(
	const struct ks_policy *policy, bool idmap, struct grants *ret_grants, ks_error **reterr);

/* Clears away what grants_open() had to try, which means waiting for the kernel: for whoever has
 * time for it. grants_done() does it otherwise. Thread-safe. */
void grants_settle(void);

/* The grants of a policy for a host that facts describe, as far as these tell: what they list is a
 * file, a directory or a link as listed, and all else is a directory of the name that is asked for.
 * An optional grant is taken to be there. Pure. 0, -ELOOP or -ENOMEM. */
int grants_describe(const struct ks_policy *policy, const struct ks_host *host,
	struct grants *ret_grants, ks_error **reterr);

#endif
