/* SPDX-License-Identifier: Apache-2.0 */
/* Plans from facts written down, for the tests of the planners. */
#ifndef KS_TESTS_PLAN_FIXTURE_H
#define KS_TESTS_PLAN_FIXTURE_H

#include "linux/plan/bwrap.h"
#include "plan/plan.h"

/* Every function fails the running test instead of returning an error. */

/* tests/golden/host-NAME.json */
struct ks_host *fixture_host(const char *name);
struct ks_policy *fixture_policy(const char *json);
char *fixture_read_file(const char *path, size_t *ret_len); /* NULL = does not exist */
char *fixture_path(const char *relative); /* beneath the source directory */

/* Adds a grant as if it had been opened; path NULL = the same as asked. */
struct grant *fixture_grant(struct grants *grants, enum policy_field field, const char *asked,
	const char *path, bool directory);

/* A plan of the policy (JSON) on that host with these grants, which are taken. */
struct ks_plan *fixture_plan(
	const struct ks_host *host, const char *policy_json, struct grants *grants);

/* The mount that is seen at the path after all of them are applied in their order; NULL = none. */
const struct mount *fixture_seen(const struct mount_list *list, const char *path);

#endif
