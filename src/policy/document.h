/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text that a person wrote, judged as a whole: its encoding, its syntax, its size, keys
 * given twice. What its values mean is the document's own reader's. A policy is one, a manifest of
 * tools another. */
#ifndef KS_POLICY_DOCUMENT_H
#define KS_POLICY_DOCUMENT_H

#include <jansson.h>

#include "policy/position.h"
#include "policy/problems.h"
#include "policy/say.h"

struct reader {
	struct problems *problems;
	const struct positions *positions; /* while the document is read */
	struct ks_policy *policy; /* that is being filled */
	void *data; /* of another document than a policy */
};

/* What the text is taken for. */
struct document {
	const char *noun; /* "policy" */
	const char *if_empty; /* the remedies */
	const char *if_large;
	/* Called with what jansson made of the text; it notes problems in the reader. */
	int (*read)(struct reader *reader, const json_t *root);
	/* Notes which number of a text is too large for jansson, where it knows. May be NULL. */
	bool (*refuse_huge)(struct problems *problems, const struct positions *positions);
};

/* Reads the text, or notes what is wrong with it. */
void document_parse(
	struct reader *reader, const struct document *document, const char *text, size_t len);

/* Helpers of the readers: the value of a container that follows; what the text has there, for
 * messages. */
const struct node *first_child(const struct reader *reader, const struct node *node);
const struct node *next_child(const struct reader *reader, const struct node *node);
struct phrase what_is(const struct reader *reader, const json_t *value, const struct node *node);

/* Refuses a key that was there before: true when it was. */
bool refuse_repeat(struct reader *reader, const char *field, const struct node *node);

/* "$schema", which any document may name. */
int read_schema_name(struct reader *reader, const json_t *value, const struct node *node);

#endif
