/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's settings of the proxy, as the proxy is told them. */
#ifndef KS_EGRESS_CONFIG_H
#define KS_EGRESS_CONFIG_H

#include "egress/control.h"
#include "policy/policy.h"

/* Adds flags, and fills in what a policy sets. */
void egress_config_fill(const struct policy_egress *settings, struct egress_config *config);

#endif
