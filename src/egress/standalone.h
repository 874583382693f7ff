/* SPDX-License-Identifier: Apache-2.0 */
/* What a proxy without a jail is started with. */
#ifndef KS_EGRESS_STANDALONE_H
#define KS_EGRESS_STANDALONE_H

#include <stddef.h>

#include <kastellan/error.h>

#include "egress/control.h"
#include "policy/policy.h"

/* The settings of a policy, and ids that own nothing where the caller may give some away. 0, or
 * -errno with the error set. */
int standalone_config(
	const struct policy_egress *settings, struct egress_config *config, ks_error **reterr);

/* Those ids, where the system has them to give (standalone_linux.c, mac/standalone.c). */
int standalone_ids(struct egress_config *config, ks_error **reterr);

/* Whether all of them are stream sockets that listen: what another one was for would be found out
 * by nobody. */
int standalone_check(const int *doors, size_t n_doors, ks_error **reterr);

#endif
