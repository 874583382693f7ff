/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy, where there is none: it is never started. */
#include <errno.h>

#include <kastellan/egress.h>

#include "base/error.h"

int ks_egress_start(const ks_policy *policy, const struct ks_egress_options *options,
	ks_egress **ret_egress, ks_error **reterr)
{
	(void)policy;
	(void)options;
	(void)ret_egress;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "start", .remedy = "run the proxy on Linux"),
		"this version of kastellan has no egress proxy on this operating system");
}

int ks_egress_fd(const ks_egress *egress)
{
	(void)egress;
	return -1;
}

int ks_egress_dispatch(ks_egress *egress)
{
	(void)egress;
	return 1;
}

void ks_egress_stop(ks_egress *egress)
{
	(void)egress;
}

uint64_t ks_egress_connections(const ks_egress *egress)
{
	(void)egress;
	return 0;
}

uint64_t ks_egress_connections_denied(const ks_egress *egress)
{
	return ks_egress_connections(egress);
}

uint64_t ks_egress_bytes_sent(const ks_egress *egress)
{
	return ks_egress_connections(egress);
}

uint64_t ks_egress_bytes_received(const ks_egress *egress)
{
	return ks_egress_connections(egress);
}

uint64_t ks_egress_audit_suppressed(const ks_egress *egress)
{
	return ks_egress_connections(egress);
}

int ks_egress_died(const ks_egress *egress)
{
	(void)egress;
	return 0;
}

int ks_egress_denied_destination(
	const ks_egress *egress, size_t index, struct ks_denied_destination *ret_denied)
{
	(void)egress;
	(void)index;
	(void)ret_denied;
	return -ENOENT;
}

void ks_egress_free(ks_egress *egress)
{
	(void)egress;
}
