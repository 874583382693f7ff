/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/egress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"

struct egress_row {
	struct policy_field_info info;
	const char *key;
	size_t offset; /* of a number in struct policy_egress */
	const char *counted; /* what stands behind the number in a receipt */
};

static const struct egress_row rows[SETTING_COUNT] = {
	[SETTING_SNI] =
		{
			.key = "sni",
			.info =
				{
					.name = "egress.sni",
					.type = "\"match\" or \"off\"",
					.default_text = "\"match\"",
					.example = "\"off\"",
					.meaning = "Whether TLS to port 443 must name (SNI) the "
						   "host that was connected to.",
				},
		},
	[SETTING_CONNECTIONS] =
		{
			.key = "connections",
			.info =
				{
					.name = "egress.connections",
					.type = "integer",
					.unit = "connections",
					.default_text = "256",
					.example = "16",
					.minimum = 1,
					.maximum = KS_MAX_EGRESS_CONNECTIONS,
					.meaning = "Connections that the worker may have at once.",
				},
			.offset = offsetof(struct policy_egress, connections),
			.counted = "connections",
		},
	[SETTING_NAMES] =
		{
			.key = "names",
			.info =
				{
					.name = "egress.names",
					.type = "integer",
					.unit = "host names",
					.default_text = "1024",
					.example = "64",
					.minimum = 1,
					.maximum = KS_MAX_EGRESS_NAMES,
					.meaning = "Different host names that the worker may look "
						   "up.",
				},
			.offset = offsetof(struct policy_egress, names),
			.counted = "names",
		},
	[SETTING_BYTES] =
		{
			.key = "bytes",
			.info =
				{
					.name = "egress.bytes",
					.type = "integer",
					.unit = "bytes",
					.default_text = "0",
					.example = "1000000",
					.maximum = KS_MAX_EGRESS_BYTES,
					.meaning = "What all connections may send and receive "
						   "together; 0 sets no limit.",
				},
			.offset = offsetof(struct policy_egress, bytes),
			.counted = "bytes",
		},
	[SETTING_CONNECT_MS] =
		{
			.key = "connect_ms",
			.info =
				{
					.name = "egress.connect_ms",
					.type = "integer",
					.unit = "milliseconds",
					.default_text = "30000",
					.example = "5000",
					.minimum = 1,
					.maximum = KS_MAX_EGRESS_CONNECT_MS,
					.meaning = "Time for the resolution and the dialling of "
						   "one connection.",
				},
			.offset = offsetof(struct policy_egress, connect_ms),
			.counted = "ms to connect",
		},
	[SETTING_IDLE_MS] =
		{
			.key = "idle_ms",
			.info =
				{
					.name = "egress.idle_ms",
					.type = "integer",
					.unit = "milliseconds",
					.default_text = "0",
					.example = "60000",
					.maximum = KS_MAX_EGRESS_IDLE_MS,
					.meaning = "A connection that has carried no byte either "
						   "way for so long is ended; 0 sets no limit.",
				},
			.offset = offsetof(struct policy_egress, idle_ms),
			.counted = "ms idle",
		},
};

const struct policy_field_info *policy_egress_info(enum egress_setting setting)
{
	return &rows[setting].info;
}

const char *policy_egress_key(enum egress_setting setting)
{
	return rows[setting].key;
}

int policy_egress_from_key(const char *key, size_t len)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strlen(rows[i].key) == len && memcmp(rows[i].key, key, len) == 0)
			return i;
	return -1;
}

struct phrase policy_egress_list(void)
{
	struct phrase list = phrase("%s", rows[0].key);

	for (int i = 1; i < SETTING_COUNT; i++)
		list = phrase("%s, %s", list.text, rows[i].key);
	return list;
}

const char *policy_sni_name(enum ks_sni sni)
{
	static const char *const names[] = {
		[KS_SNI_MATCH] = "match",
		[KS_SNI_OFF] = "off",
	};

	return (size_t)sni < sizeof(names) / sizeof(names[0]) ? names[sni] : NULL;
}

uint64_t *policy_egress_number(struct policy_egress *egress, enum egress_setting setting)
{
	return (uint64_t *)((char *)egress + rows[setting].offset);
}

uint64_t policy_egress_value(const struct policy_egress *egress, enum egress_setting setting)
{
	return *(const uint64_t *)((const char *)egress + rows[setting].offset);
}

static uint64_t default_of(enum egress_setting setting)
{
	return strtoull(rows[setting].info.default_text, NULL, 10);
}

void policy_egress_default(struct policy_egress *egress)
{
	egress->sni = KS_SNI_MATCH;
	for (int i = 0; i < SETTING_COUNT; i++)
		if (rows[i].info.unit)
			*policy_egress_number(egress, i) = default_of(i);
}

bool policy_egress_used(const struct ks_policy *policy)
{
	return policy->net == KS_NET_ALLOWLIST && policy->n_endpoints > 0;
}

bool policy_egress_unwritten(const struct ks_policy *policy)
{
	const struct policy_egress *egress = &policy->egress;

	if (!policy_egress_used(policy))
		return true;
	for (int i = 0; i < SETTING_COUNT; i++)
		if (rows[i].info.unit && policy_egress_value(egress, i) != default_of(i))
			return false;
	return egress->sni == KS_SNI_MATCH;
}

void policy_egress_say(struct strbuf *out, const struct policy_egress *egress)
{
	strbuf_addf(out, "SNI %s", policy_sni_name(egress->sni));
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct egress_row *row = &rows[i];

		/* 0 where it may be: without limit. */
		if (row->info.unit && policy_egress_value(egress, i))
			strbuf_addf(out, ", %" PRIu64 " %s", policy_egress_value(egress, i),
				row->counted);
	}
}
