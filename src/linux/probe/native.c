/* SPDX-License-Identifier: Apache-2.0 */
/* Should: make a jail as a spawn would, with the program that makes it and the plan of an empty
 * policy. Must not: execute anything in it, or leave anything behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <kastellan/policy.h>

#include "base/cleanup.h"
#include "linux/jail/parts.h"
#include "linux/plan/native.h"
#include "linux/probe/parts.h"

#define PATIENCE_MS 10000 /* for the egress proxy */

static int make_jail(const struct ks_plan *plan, const struct ks_host *host, ks_error **reterr)
{
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct jail_stdio stdio = {.fds = {null, null, null}};
	const struct jail_setup setup = {.stdio = &stdio, .audit = -1};
	struct jail *jail = jail_alloc();
	int r;

	if (!jail)
		return -ENOMEM;
	r = jail_pair_network(plan, jail, reterr);
	if (r == 0)
		r = apply_jail(plan, host, &setup, jail, reterr);
	if (r == 0)
		r = jail_open_network(plan, host, &setup, jail, reterr);
	if (r == 0)
		r = jail_await_ready(jail, host, plan, reterr);
	if (r == 0)
		r = jail_await_network(jail, PATIENCE_MS, reterr);
	jail_free(jail);
	return r;
}

int probe_jail(
	const struct ks_host *host, probe_planner *planner, const char *endpoint, ks_error **reterr)
{
	static const char *const argv[] = {"true", NULL};
	struct plan_request request = {.host = host, .argv = argv};
	struct grants none = {0};
	struct ks_plan *plan = NULL;
	ks_policy *policy = NULL;
	int r = ks_policy_new(&policy);

	request.policy = policy;
	if (r == 0 && endpoint)
		r = ks_policy_add_endpoint(policy, endpoint, reterr);
	if (r == 0)
		r = planner(&request, &none, &plan, reterr);
	if (r == 0)
		r = make_jail(plan, host, reterr);
	plan_free(plan);
	ks_policy_free(policy);
	return r;
}

int probe_note(struct host_trial *trial, int r, ks_error *error)
{
	const char *remedy = error ? ks_error_remedy(error) : NULL;

	trial->works = r == 0;
	if (r < 0) {
		trial->reason = strdup(error ? ks_error_message(error) : strerror(ENOMEM));
		trial->remedy = remedy ? strdup(remedy) : NULL;
		r = trial->reason && (trial->remedy || !remedy) ? 0 : -ENOMEM;
	}
	ks_error_free(error);
	return r;
}

int probe_native_try(struct ks_host *host)
{
	ks_error *error = NULL;
	int r = probe_jail(host, plan_native, NULL, &error);

	return probe_note(&host->native, r, error);
}
