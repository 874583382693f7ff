/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document.h"

#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "policy/say.h"

static void cleanup_json(json_t **slot)
{
	json_decref(*slot);
}

const struct node *first_child(const struct reader *reader, const struct node *node)
{
	return node->first == NO_NODE ? NULL : &reader->positions->nodes[node->first];
}

const struct node *next_child(const struct reader *reader, const struct node *node)
{
	return node->next == NO_NODE ? NULL : &reader->positions->nodes[node->next];
}

struct phrase what_is(const struct reader *reader, const json_t *value, const struct node *node)
{
	if (json_is_object(value))
		return phrase("an object");
	if (json_is_array(value))
		return phrase("an array");
	return as_written(reader->positions->text + node->at, node->end - node->at);
}

bool refuse_repeat(struct reader *reader, const char *field, const struct node *node)
{
	const struct positions *positions = reader->positions;
	const char *key = json_string_value(node->key);
	struct phrase name = {""};
	unsigned line, column;

	if (node->earlier == NO_NODE)
		return false;
	if (strcmp(key, field) != 0)
		name = phrase("%s ", quoted(key, json_string_length(node->key)).text);
	position_of(positions->text, positions->len, positions->nodes[node->earlier].key_at, &line,
		&column);
	problem_add(reader->problems, -EINVAL, node->key_at,
		ABOUT(.field = field, .remedy = "keep the one that is meant and remove the other"),
		"%sis given twice, first at line %u, column %u", name.text, line, column);
	return true;
}

int read_schema_name(struct reader *reader, const json_t *value, const struct node *node)
{
	if (json_is_string(value))
		return 0;
	return problem_add(reader->problems, -EINVAL, node->at,
		ABOUT(.field = "$schema",
			.remedy = "write the schema's address as a string, or remove it"),
		"must be a string, got %s", what_is(reader, value, node).text);
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

/* What can be told before the text is taken for JSON. */
static int check_encoding(
	struct problems *problems, const struct document *document, const char *text, size_t len)
{
	size_t valid;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return problem_add(problems, -EINVAL, 0,
			ABOUT(.remedy = "save the file as UTF-8 without a byte order mark"),
			"the text begins with a byte order mark");
	valid = utf8_prefix(text, len);
	if (valid < len)
		return problem_add(problems, -EINVAL, valid,
			ABOUT(.remedy = "save the file as UTF-8"), "the byte 0x%02x is not UTF-8",
			(unsigned char)text[valid]);
	if (is_blank(text, len))
		return problem_add(problems, -EINVAL, 0, ABOUT(.remedy = document->if_empty),
			"the text is empty");
	return 0;
}

static int refuse_syntax(struct problems *problems, const struct positions *positions)
{
	size_t stop = positions->stop, len = 0;
	const char *there = positions->text + stop;
	size_t left = positions->len - stop;

	/* One word or one sign is shown, not the rest of the file. */
	while (len < left && len < 24 && !strchr(" \t\r\n,:[]{}", there[len]))
		len++;
	if (len == 0 && left > 0)
		len = 1;
	len = utf8_prefix(there, len);
	return problem_add(problems, -EINVAL, stop, ABOUT(.remedy = positions->remedy),
		"not valid JSON: expected %s, found %s", positions->expected,
		left ? quoted(there, len).text : "the end of the text");
}

static int refuse_size(struct problems *problems, const struct document *document,
	const struct positions *positions)
{
	return problem_add(problems, -E2BIG, positions->stop, ABOUT(.remedy = document->if_large),
		"%s for a %s", positions->expected, document->noun);
}

/* jansson refuses what the scan took. */
static int refuse_json(struct problems *problems, const struct document *document,
	const struct positions *positions, const json_error_t *error)
{
	size_t at = error->position > 0 ? (size_t)error->position - 1 : 0;

	/* In most places jansson says nothing at all when memory runs out. */
	if (json_error_code(error) == json_error_out_of_memory || !*error->text)
		return problem_oom(problems);
	if (json_error_code(error) == json_error_numeric_overflow && document->refuse_huge &&
		document->refuse_huge(problems, positions))
		return -EINVAL;
	/* A failed allocation inside a token makes it an invalid one to jansson. */
	return problem_add(problems, -EINVAL, at < problems->len ? at : NOWHERE,
		ABOUT(.remedy = "look at the text there; if it is sound, memory ran out: try "
				"again"),
		"the JSON library refuses the text: %s",
		as_written(error->text, strlen(error->text)).text);
}

/* A NUL in a key is the one thing that the scan can read and jansson cannot. */
static bool refuse_nul_keys(struct problems *problems, const struct positions *positions)
{
	for (size_t i = 0; i < positions->n_nodes; i++) {
		const struct node *node = &positions->nodes[i];

		if (!node->key ||
			strlen(json_string_value(node->key)) == json_string_length(node->key))
			continue;
		problem_add(problems, -EINVAL, node->key_at,
			ABOUT(.remedy = "remove \\u0000 from the key"), "the key %s holds a NUL",
			quoted(json_string_value(node->key), json_string_length(node->key)).text);
		return true;
	}
	return false;
}

static void parse_with(struct reader *reader, const struct document *document)
{
	struct problems *problems = reader->problems;
	const struct positions *positions = reader->positions;
	/* Integers as reals: a number too large for 64 bits is an error of its field, not of the
	 * whole text. The digits are read from the text itself. */
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	__attribute__((cleanup(cleanup_json))) json_t *root = NULL;
	json_error_t error = {.line = -1};

	if (refuse_nul_keys(problems, positions))
		return;
	/* Repeated keys are reported below, with everything else. */
	if (!positions->repeats)
		flags |= JSON_REJECT_DUPLICATES;
	root = json_loadb(positions->text, positions->len, flags, &error);
	if (!root)
		refuse_json(problems, document, positions, &error);
	else if (!positions_agree(positions, root))
		problem_oom(problems);
	else
		document->read(reader, root);
}

static void parse_text(
	struct reader *reader, const struct document *document, const char *text, size_t len)
{
	struct problems *problems = reader->problems;
	struct positions positions;
	int r = positions_scan(text, len, &positions);

	reader->positions = &positions;
	if (r == 0)
		parse_with(reader, document);
	else if (r == -EINVAL)
		refuse_syntax(problems, &positions);
	else if (r == -E2BIG)
		refuse_size(problems, document, &positions);
	else
		problem_oom(problems);
	/* Each repeated key lies where it or what holds it was refused; a gap in that reasoning
	 * must not let two readers of one text see two meanings. */
	if (!problems->code && positions.repeats)
		problem_add(problems, -EINVAL, NOWHERE, ABOUT(.remedy = "give each key once"),
			"a key is given twice");
	positions_done(&positions);
	reader->positions = NULL;
}

void document_parse(
	struct reader *reader, const struct document *document, const char *text, size_t len)
{
	struct problems *problems = reader->problems;

	if (len > KS_MAX_POLICY_BYTES)
		problem_add(problems, -E2BIG, NOWHERE,
			ABOUT(.remedy = phrase("check that this is the %s's file", document->noun)
						.text),
			"%s is larger than 1 MiB", problems->name);
	else if (check_encoding(problems, document, text, len) == 0)
		parse_text(reader, document, text, len);
}
