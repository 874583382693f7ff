/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of policy keys: the parser, the writer, the schema, the man page and the receipt
 * read it. */
#ifndef KS_POLICY_FIELDS_H
#define KS_POLICY_FIELDS_H

#include <jansson.h>

#include "base/strbuf.h"
#include "policy/policy.h"
#include "policy/say.h"

/* What a person needs to know of a key, or of a setting inside one. */
struct policy_field_info {
	const char *name; /* the key in JSON; of a setting "KEY.SETTING" */
	const char *type; /* its JSON type in words */
	const char *unit; /* what a number counts; NULL where it is none */
	const char *default_text; /* as JSON */
	const char *example; /* as JSON */
	uint64_t minimum; /* of a number */
	uint64_t maximum; /* of a number, or the most entries of a list */
	bool nullable; /* null stands for the backend's default */
	const char *meaning; /* one sentence */
};

const struct policy_field_info *policy_field_info(enum policy_field field);

/* The key of a field in JSON ("mem_mb"). */
const char *policy_field_name(enum policy_field field);

/* The field of that name, or -1. */
int policy_field_from_name(const char *name, size_t len);

/* "fs_read, fs_write, ...": for messages. */
struct phrase policy_field_list(void);

/* "Deny", "WorkerStrict", ...; NULL past the last one. */
const char *policy_net_name(enum ks_net net);
const char *policy_profile_name(enum ks_profile profile);

/* Behaviour of a key, for the stages of this directory. */
struct reader;
struct node;

struct policy_field_row {
	struct policy_field_info info;
	size_t offset; /* of a number in struct ks_policy */
	int (*read)(struct reader *reader, enum policy_field field, const json_t *value,
		const struct node *node);
	void (*write)(struct strbuf *out, const struct ks_policy *policy, enum policy_field field);
	json_t *(*schema)(const struct policy_field_info *info);
	bool (*unwritten)(const struct ks_policy *policy); /* NULL: it is always written */
};

const struct policy_field_row *policy_field_row(enum policy_field field);

/* The number of a field that has a unit. */
uint64_t *policy_number(struct ks_policy *policy, enum policy_field field);
uint64_t policy_number_value(const struct ks_policy *policy, enum policy_field field);

#endif
