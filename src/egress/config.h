/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's settings of the proxy, as the proxy is told them. */
#ifndef KS_EGRESS_CONFIG_H
#define KS_EGRESS_CONFIG_H

#include "egress/control.h"
#include "policy/policy.h"

/* Adds flags, and fills in what a policy sets. */
void egress_config_fill(const struct policy_egress *settings, struct egress_config *config);

/* Names the policy by its content, for the audit: the digest of what ks_policy_write() says. 0 or
 * -errno. */
int egress_config_name_policy(const struct ks_policy *policy, struct egress_config *config);

/* Tells it from other workers of this process and of others, in an audit that is shared. */
void egress_config_name_worker(struct egress_config *config);

#endif
