/* SPDX-License-Identifier: Apache-2.0 */
/* Text to policy. document.c judges the text as a whole, parse.c the keys, read.c each key's value.
 * Parsing looks at the text alone, and either every field has passed its checks or there is no
 * policy. */
#ifndef KS_POLICY_PARSE_H
#define KS_POLICY_PARSE_H

#include "policy/document.h"
#include "policy/fields.h"

/* As ks_policy_parse(). */
int policy_parse(const char *text, size_t len, const char *name, struct ks_policy **ret_policy,
	ks_error **reterr);

/* Fills the reader's policy from one value of a document; notes what is wrong. */
int policy_read(struct reader *reader, const json_t *value, const struct node *node);

/* The read functions of the table: value is what jansson made of the text at node. They note what
 * is wrong and go on; the result is only used where nothing was. Return 0 or a negative errno. */
int read_paths(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);
int read_net(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);
int read_number(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);
int read_profile(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);
int read_env(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);
int read_egress(struct reader *reader, enum policy_field field, const json_t *value,
	const struct node *node);

/* What no field can tell alone, for a policy whose fields were read without a problem: refuses
 * settings of the egress proxy, which are at that node, where there is no list of endpoints. */
int check_egress_used(struct reader *reader, const struct node *node);

/* A number of that description, stored in *ret. */
int read_number_of(struct reader *reader, const struct policy_field_info *info, const json_t *value,
	const struct node *node, uint64_t *ret);

/* Refuses a value for its type. */
int refuse_type(const struct reader *reader, const char *field, const char *wanted,
	const json_t *value, const struct node *node, const char *remedy);

#endif
