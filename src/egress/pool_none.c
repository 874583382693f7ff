/* SPDX-License-Identifier: Apache-2.0 */
/* Where no proxy serves many workers: there is no pool, so that nobody comes to one. */
#include <errno.h>

#include "base/error.h"
#include "egress/owner_parts.h"

static int no_pool(ks_error **reterr)
{
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "egress", .remedy = "leave egress_pool out: each worker then has a "
						  "proxy of its own, where "
						  "there are any"),
		"this version of kastellan has no egress pools on this operating system");
}

int ks_egress_pool_new(
	const struct ks_egress_pool_limits *limits, ks_egress_pool **ret_pool, ks_error **reterr)
{
	(void)limits;
	(void)ret_pool;
	return no_pool(reterr);
}

ks_egress_pool *egress_pool_ref(ks_egress_pool *pool)
{
	return pool;
}

void ks_egress_pool_free(ks_egress_pool *pool)
{
	(void)pool;
}

int owner_enter(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	(void)owner;
	(void)setup;
	return no_pool(reterr);
}

bool owner_note_end(struct egress_owner *owner)
{
	(void)owner;
	return true;
}

int owner_open_audit(int audit, int *ret_fd)
{
	(void)audit;
	(void)ret_fd;
	return -EOPNOTSUPP;
}

void owner_leave(struct egress_owner *owner)
{
	(void)owner;
}

int egress_shared_fd(const struct egress_shared *shared)
{
	(void)shared;
	return -1;
}

int egress_shared_why(struct egress_shared *shared, ks_error **reterr)
{
	(void)shared;
	return no_pool(reterr);
}
