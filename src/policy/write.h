/* SPDX-License-Identifier: Apache-2.0 */
/* Policy to text: the canonical form, byte for byte what serde_json's pretty printer makes of the
 * Rust crate's struct, with a line feed behind it. What that crate does not know is written only
 * where it says something. */
#ifndef KS_POLICY_WRITE_H
#define KS_POLICY_WRITE_H

#include "policy/fields.h"

/* 0, -ENOMEM, or -E2BIG for a text past KS_MAX_TEXT, which no policy within the bounds has. */
int policy_write(const struct ks_policy *policy, char **ret_text);

/* The write functions of the table: the value alone. */
void write_paths(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
void write_net(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
void write_number(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
void write_profile(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
void write_env(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
void write_egress(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);

#endif
