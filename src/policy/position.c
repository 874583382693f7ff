/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/position.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/scan.h"

static int node_new(struct positions *p, size_t at, size_t *ret_node)
{
	if (p->n_nodes >= KS_MAX_POLICY_VALUES) {
		p->stop = at;
		p->expected = "too many values";
		return -E2BIG;
	}
	if (p->n_nodes == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct node *nodes = realloc(p->nodes, room * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		p->nodes = nodes;
		p->room = room;
	}
	p->nodes[p->n_nodes] = (struct node){
		.at = at,
		.end = at,
		.next = NO_NODE,
		.first = NO_NODE,
		.earlier = NO_NODE,
	};
	*ret_node = p->n_nodes++;
	return 0;
}

/* Hangs a new value at the end of a container; last is the value before it. */
static void node_link(struct positions *p, size_t container, size_t last, size_t node)
{
	p->nodes[container].count++;
	if (last == NO_NODE)
		p->nodes[container].first = node;
	else
		p->nodes[last].next = node;
}

static int scan_key(struct positions *p, size_t *at, size_t *ret_key_at, json_t **ret_key)
{
	size_t start = *at, length;

	if (!scan_peek(p, start, '"'))
		return scan_stop(p, start, "a key in double quotes");
	if (scan_string(p, at, &length) < 0)
		return -EINVAL;
	/* The library decodes: a key spelled with escapes is the same key. A string of its own may
	 * hold NUL, which the library does not take in a key, so that it can be reported by name.
	 */
	*ret_key = json_loadb(p->text + start, *at - start, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!*ret_key || json_string_length(*ret_key) != length) {
		json_decref(*ret_key);
		return -ENOMEM;
	}
	*ret_key_at = start;
	return 0;
}

static int scan_value(struct positions *p, size_t *at, unsigned depth, size_t *ret_node);

/* One `key: value`. */
static int scan_member(
	struct positions *p, size_t container, size_t *last, size_t *at, unsigned depth)
{
	json_t *key = NULL;
	size_t key_at = 0, node;
	int r = scan_key(p, at, &key_at, &key);

	if (r < 0)
		return r;
	scan_space(p, at);
	if (!scan_peek(p, *at, ':')) {
		json_decref(key);
		return scan_stop(p, *at, "a colon and a value");
	}
	++*at;
	r = scan_value(p, at, depth, &node);
	if (r < 0) {
		json_decref(key);
		return r;
	}
	p->nodes[node].key = key;
	p->nodes[node].key_at = key_at;
	node_link(p, container, *last, node);
	*last = node;
	return 0;
}

static int scan_element(
	struct positions *p, size_t container, size_t *last, size_t *at, unsigned depth)
{
	size_t node;
	int r = scan_value(p, at, depth, &node);

	if (r < 0)
		return r;
	node_link(p, container, *last, node);
	*last = node;
	return 0;
}

static int scan_container(struct positions *p, size_t container, size_t *at, unsigned depth)
{
	bool object = p->text[*at] == '{';
	char close = object ? '}' : ']';
	size_t last = NO_NODE;

	if (depth > KS_MAX_POLICY_DEPTH) {
		p->stop = *at;
		p->expected = "nested too deep";
		return -E2BIG;
	}
	++*at;
	scan_space(p, at);
	while (!scan_peek(p, *at, close)) {
		int r;

		if (last != NO_NODE) {
			if (!scan_peek(p, *at, ','))
				return scan_stop(p, *at,
					object ? "a comma or a closing brace"
					       : "a comma or a closing bracket");
			++*at;
			scan_space(p, at);
			if (scan_peek(p, *at, close))
				return scan_stop(p, *at, "another entry after the comma");
		}
		r = object ? scan_member(p, container, &last, at, depth)
			   : scan_element(p, container, &last, at, depth);
		if (r < 0)
			return r;
		scan_space(p, at);
	}
	++*at;
	return 0;
}

/* Recursion is bounded by KS_MAX_POLICY_DEPTH. */
static int scan_value(struct positions *p, size_t *at, unsigned depth, size_t *ret_node)
{
	size_t node = NO_NODE;
	int r;

	scan_space(p, at);
	r = node_new(p, *at, &node);
	if (r < 0)
		return r;
	if (scan_peek(p, *at, '{') || scan_peek(p, *at, '['))
		r = scan_container(p, node, at, depth + 1);
	else
		r = scan_scalar(p, at, &p->nodes[node].length);
	if (r < 0)
		return r;
	p->nodes[node].end = *at;
	*ret_node = node;
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct node *a = *(const struct node *const *)left;
	const struct node *b = *(const struct node *const *)right;
	size_t a_len = json_string_length(a->key), b_len = json_string_length(b->key);
	int order;

	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	order = memcmp(json_string_value(a->key), json_string_value(b->key), a_len);
	if (order)
		return order;
	return a->at < b->at ? -1 : a->at > b->at;
}

static bool same_key(const struct node *a, const struct node *b)
{
	size_t len = json_string_length(a->key);

	return len == json_string_length(b->key) &&
	       memcmp(json_string_value(a->key), json_string_value(b->key), len) == 0;
}

/* Sorting finds repeats in n log n: a text of thousands of keys must not cost seconds. */
static void mark_repeats(struct positions *p, const struct node *object, struct node **order)
{
	size_t n = 0;

	for (size_t i = object->first; i != NO_NODE; i = p->nodes[i].next)
		order[n++] = &p->nodes[i];
	qsort(order, n, sizeof(struct node *), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (!same_key(order[i - 1], order[i]))
			continue;
		order[i - 1]->repeated = true;
		order[i]->earlier = (size_t)(order[i - 1] - p->nodes);
		p->repeats++;
	}
}

static int find_repeats(struct positions *p)
{
	struct node **order = calloc(p->n_nodes, sizeof(struct node *));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].count > 1 && p->nodes[p->nodes[i].first].key)
			mark_repeats(p, &p->nodes[i], order);
	free(order);
	return 0;
}

int positions_scan(const char *text, size_t len, struct positions *ret)
{
	size_t at = 0, whole;
	int r;

	*ret = (struct positions){.text = text, .len = len};
	r = scan_value(ret, &at, 0, &whole);
	if (r < 0)
		return r;
	scan_space(ret, &at);
	if (at < len)
		return scan_stop(ret, at, "the end of the text");
	return find_repeats(ret);
}

static bool node_agrees(const struct positions *p, const struct node *node, const json_t *value);

static bool object_agrees(const struct positions *p, const struct node *node, const json_t *object)
{
	size_t keys = 0;

	if (!json_is_object(object))
		return false;
	for (size_t i = node->first; i != NO_NODE; i = p->nodes[i].next) {
		const json_t *value = json_object_get(object, json_string_value(p->nodes[i].key));

		/* Of two values for one key jansson has the last. */
		if (p->nodes[i].repeated)
			continue;
		keys++;
		if (!node_agrees(p, &p->nodes[i], value))
			return false;
	}
	return json_object_size(object) == keys;
}

static bool array_agrees(const struct positions *p, const struct node *node, const json_t *array)
{
	size_t n = 0;

	if (!json_is_array(array) || json_array_size(array) != node->count)
		return false;
	for (size_t i = node->first; i != NO_NODE; i = p->nodes[i].next)
		if (!node_agrees(p, &p->nodes[i], json_array_get(array, n++)))
			return false;
	return true;
}

static bool node_agrees(const struct positions *p, const struct node *node, const json_t *value)
{
	switch (p->text[node->at]) {
	case '{':
		return object_agrees(p, node, value);
	case '[':
		return array_agrees(p, node, value);
	case '"':
		return json_is_string(value) && json_string_length(value) == node->length;
	case 't':
		return json_is_true(value);
	case 'f':
		return json_is_false(value);
	case 'n':
		return json_is_null(value);
	default:
		return json_is_number(value);
	}
}

bool positions_agree(const struct positions *positions, const json_t *root)
{
	return node_agrees(positions, &positions->nodes[0], root);
}

void positions_done(struct positions *positions)
{
	for (size_t i = 0; i < positions->n_nodes; i++)
		json_decref(positions->nodes[i].key);
	free(positions->nodes);
	*positions = (struct positions){0};
}
