/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/error.h"
#include "plan/open_grants.h"

void grants_settle(void)
{
}

int grants_open(
	const struct ks_policy *policy, bool idmap, struct grants *ret_grants, ks_error **reterr)
{
	(void)policy;
	(void)idmap;
	(void)ret_grants;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "grant", .remedy = "run kastellan on Linux or macOS"),
		"kastellan has no backend for this operating system, and opens nothing for one");
}
