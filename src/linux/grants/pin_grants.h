/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_GRANTS_PIN_GRANTS_H
#define KS_LINUX_GRANTS_PIN_GRANTS_H

#include "plan/plan.h"

/* Appends a grant marked `pin` for each directory between a read grant and the write grant around
 * it. Returns 0, -E2BIG past KS_MAX_GRANTS, or the errno of opening one. */
int grants_pin(struct grants *grants, bool idmap, ks_error **reterr);

#endif
