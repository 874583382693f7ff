/* SPDX-License-Identifier: Apache-2.0 */
/* Text to policy. parse.c judges the text as a whole, read.c each key of the table. Parsing looks
 * at the text alone, and either every field has passed its checks or there is no policy. */
#ifndef KS_POLICY_PARSE_H
#define KS_POLICY_PARSE_H

#include "policy/fields.h"
#include "policy/position.h"
#include "policy/problems.h"

struct reader {
	struct problems *problems;
	const struct positions *positions;
	struct ks_policy *policy;
};

/* As ks_policy_parse(). */
int policy_parse(const char *text, size_t len, const char *name, struct ks_policy **ret_policy,
	ks_error **reterr);

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

/* Helpers of both: the value of a container that follows; what the text has there, for messages. */
const struct node *first_child(const struct reader *reader, const struct node *node);
const struct node *next_child(const struct reader *reader, const struct node *node);
struct phrase what_is(const struct reader *reader, const json_t *value, const struct node *node);

/* Refuses a key that was there before: true when it was. */
bool refuse_repeat(struct reader *reader, const char *field, const struct node *node);

#endif
