/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in memory: making, copying, and adding values that the checks have passed. */
#ifndef KS_POLICY_STORE_H
#define KS_POLICY_STORE_H

#include "base/cleanup.h"
#include "policy/policy.h"
#include "policy/problems.h"

/* Every default of the table. 0 or -ENOMEM. */
int policy_new(struct ks_policy **ret_policy);
int policy_copy(const struct ks_policy *policy, struct ks_policy **ret_policy);
void policy_free(struct ks_policy *policy);

/* Add one value of the text; the checks of check.h come first, the ceilings of bounds.h next.
 * Return 0; or -EINVAL, -E2BIG or -ENOMEM, noted as a problem at that offset. */
int policy_add_path(struct problems *to, size_t at, struct ks_policy *policy,
	enum policy_field field, const char *bytes, size_t len);
int policy_add_endpoint(
	struct problems *to, size_t at, struct ks_policy *policy, const char *bytes, size_t len);
/* Adds a variable, or gives the one of that name its new value. The name has passed
 * check_env_name(). */
int policy_set_env(struct problems *to, size_t at, struct ks_policy *policy, const char *name,
	const char *value, size_t value_len);

/* The variable of that name, or NULL. */
struct policy_env *policy_find_env(const struct ks_policy *policy, const char *name);

/* The list becomes empty; the kind of network stays. */
void policy_clear_endpoints(struct ks_policy *policy);

DEFINE_CLEANUP(struct ks_policy *, policy_free);

#endif
