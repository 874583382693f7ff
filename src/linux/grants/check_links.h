/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_GRANTS_CHECK_LINKS_H
#define KS_LINUX_GRANTS_CHECK_LINKS_H

#include "plan/plan.h"

/* Refuses grants that a link in a writable grant leads to, unless what it leads to can be written
 * there anyway. Returns 0, -EPERM, -ESTALE when the names changed meanwhile, or another -errno. */
int grants_check_links(const struct grants *grants, ks_error **reterr);

#endif
