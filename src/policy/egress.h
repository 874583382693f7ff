/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of the settings in "egress": the parser, the writer, the schema, the man page and
 * the receipt read it. */
#ifndef KS_POLICY_EGRESS_H
#define KS_POLICY_EGRESS_H

#include "base/strbuf.h"
#include "policy/fields.h"

enum egress_setting {
	SETTING_SNI,
	SETTING_CONNECTIONS,
	SETTING_NAMES,
	SETTING_BYTES,
	SETTING_CONNECT_MS,
	SETTING_IDLE_MS,
	SETTING_COUNT
};

/* Its name there is "egress.connections"; what has no unit is no number. */
const struct policy_field_info *policy_egress_info(enum egress_setting setting);

/* Its key inside the object ("connections"), and the setting of that key, or -1. */
const char *policy_egress_key(enum egress_setting setting);
int policy_egress_from_key(const char *key, size_t len);

/* "sni, connections, ...": for messages. */
struct phrase policy_egress_list(void);

/* "match", "off"; NULL past the last one. */
const char *policy_sni_name(enum ks_sni sni);

/* The number of a setting that has a unit. */
uint64_t *policy_egress_number(struct policy_egress *egress, enum egress_setting setting);
uint64_t policy_egress_value(const struct policy_egress *egress, enum egress_setting setting);

/* Every default of the table. */
void policy_egress_default(struct policy_egress *egress);

/* Whether the policy has an egress proxy for which the settings are. */
bool policy_egress_used(const struct ks_policy *policy);

/* The canonical form leaves the field out where it says nothing: older readers do not know it. */
bool policy_egress_unwritten(const struct ks_policy *policy);

/* "SNI match, 256 connections, ...": for people. What is unlimited is not named. */
void policy_egress_say(struct strbuf *out, const struct policy_egress *egress);

#endif
