/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of policy keys: the parser, the writer, the schema, the man page and the receipt
 * read it. */
#ifndef KS_POLICY_FIELDS_H
#define KS_POLICY_FIELDS_H

#include <jansson.h>

#include "policy/policy.h"

/* The key of a field in JSON ("mem_mb"). */
const char *policy_field_name(enum policy_field field);

/* The field of that name, or -1. */
int policy_field_from_name(const char *name, size_t len);

#endif
