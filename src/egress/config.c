/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/config.h"

void egress_config_fill(const struct policy_egress *settings, struct egress_config *config)
{
	if (settings->sni != KS_SNI_OFF)
		config->flags |= EGRESS_FLAG_SNI;
	config->connections = (uint32_t)settings->connections;
	config->names = (uint32_t)settings->names;
	config->connect_ms = (uint32_t)settings->connect_ms;
	config->idle_ms = (uint32_t)settings->idle_ms;
	config->bytes = settings->bytes;
}
