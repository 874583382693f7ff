/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a JSON Schema (draft 2020-12), for editors. It refuses what a schema can tell; the
 * parser has the last word. */
#ifndef KS_POLICY_SCHEMA_H
#define KS_POLICY_SCHEMA_H

#include "policy/fields.h"

/* 0 or -ENOMEM. */
int policy_schema(char **ret_text);

/* The schema functions of the table: type and bounds of the value; NULL when memory runs out. */
json_t *schema_paths(const struct policy_field_info *info);
json_t *schema_net(const struct policy_field_info *info);
json_t *schema_number(const struct policy_field_info *info);
json_t *schema_profile(const struct policy_field_info *info);
json_t *schema_env(const struct policy_field_info *info);
json_t *schema_egress(const struct policy_field_info *info);

#endif
