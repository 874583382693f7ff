/* SPDX-License-Identifier: Apache-2.0 */
/* Where each key and value of a JSON text lies. jansson says what the text means but keeps no
 * positions; this scan keeps nothing else. It must not decide what a value is: it serves to tell a
 * person where to look, to find a key given twice, and to say what is wrong where a text is no
 * JSON. */
#ifndef KS_POLICY_POSITION_H
#define KS_POLICY_POSITION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define NO_NODE ((size_t)-1)

/* One value. Numbers of nodes are indices into the table, in the order of the text. */
struct node {
	size_t at; /* the value's first byte */
	size_t end; /* behind its last byte */
	size_t length; /* of a string: its bytes once it is decoded */
	size_t key_at; /* its key's opening quote, where it has a key */
	json_t *key; /* the key, decoded; NULL in an array */
	size_t next; /* the next value of the same array or object, or NO_NODE */
	size_t first; /* its own first value, or NO_NODE */
	size_t count; /* how many it has */
	size_t earlier; /* the value that had this key before, or NO_NODE */
	bool repeated; /* a later value has the same key */
};

struct positions {
	const char *text;
	size_t len;
	struct node *nodes; /* nodes[0] is the whole */
	size_t n_nodes;
	size_t room;
	size_t repeats; /* keys given again */

	/* Set where the scan did not come to the end of the text. */
	size_t stop; /* the first byte that cannot stand there */
	const char *expected; /* what could */
	const char *remedy; /* what to do about it, or NULL */
};

/* Scans the text, which must be UTF-8. Returns 0; -EINVAL where it is no JSON, with stop, expected
 * and remedy; -E2BIG where it has more values or levels than any policy, with stop and expected;
 * -ENOMEM. Call positions_done() in any case. */
int positions_scan(const char *text, size_t len, struct positions *ret);

/* Whether jansson's reading has the shape of the text: the same kinds, counts, keys and lengths of
 * strings. Where memory runs out inside a string, jansson 2.14 may drop a character and call it a
 * success; a grant for another path must not come of that. */
bool positions_agree(const struct positions *positions, const json_t *root);

/* Frees what the scan made. */
void positions_done(struct positions *positions);

#endif
