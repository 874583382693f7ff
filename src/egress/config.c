/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sha256.h"
#include "policy/write.h"

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

void egress_config_name_worker(struct egress_config *config)
{
	static atomic_uint count;

	snprintf(config->worker, sizeof(config->worker), "%ld-%u", (long)getpid(),
		atomic_fetch_add(&count, 1) + 1);
}

int egress_config_name_policy(const struct ks_policy *policy, struct egress_config *config)
{
	autofree char *text = NULL;
	char digest[SHA256_TEXT];
	struct sha256 hash;
	int r = policy_write(policy, &text);

	if (r < 0)
		return r;
	sha256_init(&hash);
	sha256_add(&hash, text, strlen(text));
	sha256_text(&hash, digest);
	snprintf(config->policy, sizeof(config->policy), "sha256:%s", digest);
	return 0;
}
