/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of tools as data, and the one table of its keys: the reader, the schema and the man
 * page read it. */
#ifndef KS_WORKERS_TOOLS_H
#define KS_WORKERS_TOOLS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <kastellan/tools.h>

#include "base/strv.h"
#include "policy/document.h"

struct tool {
	char *name;
	struct strv argv;
	char *cwd;
	ks_policy *policy;
	char *policy_file; /* NULL: it is part of the manifest */
	enum ks_backend_kind backend;
	char *image;
	enum ks_lifecycle lifecycle;
	uint64_t idle_seconds;
	uint64_t max_requests;
	uint64_t max_age_seconds;
	uint64_t instances;
	uint64_t wall_ms;
	uint64_t max_message_bytes;
};

struct ks_tools {
	atomic_uint references;
	struct tool *tools;
	size_t n_tools;
};

/* A further reference; returns its argument. ks_tools_free() gives one back. */
struct ks_tools *tools_ref(const struct ks_tools *tools);

/* NULL if there is none of this name. */
const struct tool *tools_find(const struct ks_tools *tools, const char *name);

/* Whether two tools are the same in everything that their workers could tell. -ENOMEM, 0 or 1. */
int tool_same(const struct tool *a, const struct tool *b);

/* A key of a tool (or of its lifecycle), and what a person needs to know of it. */
struct tool_key {
	const char *name;
	const char *type; /* in words */
	const char *default_text; /* as JSON; NULL: the key must be there */
	const char *example; /* as JSON */
	const char *unit; /* of a number, else NULL */
	uint64_t minimum; /* of a number */
	uint64_t maximum; /* of a number, or the most entries of a list */
	size_t offset; /* of a number in struct tool */
	const char *meaning;
	int (*read)(struct reader *reader, const struct tool_key *key, struct tool *tool,
		const json_t *value, const struct node *node);
	json_t *(*schema)(const struct tool_key *key);
};

struct tool_keys {
	const struct tool_key *rows;
	size_t len;
	const char *of; /* "a tool", "IdleTimeout" */
};

extern const struct tool_keys tool_keys; /* of a tool */
extern const struct tool_keys idle_keys; /* of its lifecycle IdleTimeout */

/* The key of that name, or -1. */
int tool_key_find(const struct tool_keys *keys, const char *name, size_t len);

/* The names that a manifest has for kinds of backends: SandboxBackendKind as serde writes it. NULL
 * past the last; *ret_kind is KS_BACKEND_NONE for a kind of another operating system. */
const char *tool_backend_name(size_t index, enum ks_backend_kind *ret_kind);

/* The read functions of the table. They note what is wrong and return 0 or a negative errno. */
int read_program(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_arguments(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_directory(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_tool_policy(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_backend(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_image(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_lifecycle(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);
int read_count(struct reader *reader, const struct tool_key *key, struct tool *tool,
	const json_t *value, const struct node *node);

/* Reads the keys of one object into the tool; a key that has to be there and is not is noted. */
void read_keys(struct reader *reader, const struct tool_keys *keys, struct tool *tool,
	const json_t *value, const struct node *node);

/* Notes that a value is of the wrong type; returns -EINVAL. */
int refuse_value(const struct reader *reader, const char *field, const char *wanted,
	const json_t *value, const struct node *node, const char *remedy);

/* The schema functions of the table: NULL when memory runs out. */
json_t *schema_program(const struct tool_key *key);
json_t *schema_arguments(const struct tool_key *key);
json_t *schema_directory(const struct tool_key *key);
json_t *schema_tool_policy(const struct tool_key *key);
json_t *schema_backend(const struct tool_key *key);
json_t *schema_image(const struct tool_key *key);
json_t *schema_lifecycle(const struct tool_key *key);
json_t *schema_count(const struct tool_key *key);

#endif
