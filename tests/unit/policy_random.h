/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded chance for the policy tests: the same policies on every machine. */
#ifndef KS_TESTS_POLICY_RANDOM_H
#define KS_TESTS_POLICY_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/policy.h>

#include "base/strbuf.h"
#include "policy/policy.h"

struct chance {
	uint64_t state;
};

/* From 0 to below. */
size_t chance_below(struct chance *chance, size_t below);

/* A policy with anything in it that the setters take. */
ks_policy *random_policy(struct chance *chance);

/* The policy as JSON in a random spelling: order of keys, white space, escapes, env as list or
 * object, fields with their default left out. */
void spell_policy(struct chance *chance, const ks_policy *policy, struct strbuf *out);

/* Whether two policies have the same values, field by field; the name of the first other one is
 * stored. */
bool same_policy(const ks_policy *a, const ks_policy *b, const char **ret_field);

/* The keys by field, spelled apart from the table of the library. */
extern const char *const policy_keys[FIELD_COUNT];

bool same_egress(const struct policy_egress *a, const struct policy_egress *b);

#endif
