/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "egress/standalone.h"
#include "linux/jail/parts.h"
#include "linux/probe/parts.h"

int standalone_ids(struct egress_config *config, ks_error **reterr)
{
	struct ks_host *host = host_new();
	int r = host ? probe_system(host) : -ENOMEM;

	if (r == 0 && host->set_ids) {
		config->flags |= EGRESS_FLAG_IDS;
		config->uid = config->gid = kernel_id_next();
	}
	host_free(host);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "egress"),
			"the privileges of the caller cannot be found out: %s", strerror(-r));
	return 0;
}
