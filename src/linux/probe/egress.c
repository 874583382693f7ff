/* SPDX-License-Identifier: Apache-2.0 */
/* Should: make the network of an allowlist as a spawn would, with the proxy at its other end. Must
 * not: reach anything: the one endpoint is an address of the documentation's. */
#include <errno.h>
#include <string.h>

#include "linux/plan/bwrap.h"
#include "linux/plan/native.h"
#include "linux/probe/parts.h"

#define ENDPOINT "192.0.2.1:1"

int probe_egress_try(struct ks_host *host)
{
	struct host_trial *egress = &host->egress;
	ks_error *error = NULL;
	int r;

	if (!host->native.works && !host->bwrap.works) {
		egress->reason = strdup("no backend that makes namespaces works here");
		egress->remedy = strdup("see what is said of bwrap and native");
		return egress->reason && egress->remedy ? 0 : -ENOMEM;
	}
	r = probe_jail(host, host->native.works ? plan_native : plan_bwrap, ENDPOINT, &error);
	return probe_note(egress, r, error);
}
