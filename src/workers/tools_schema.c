/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a JSON Schema (draft 2020-12), for editors. It refuses what a schema can tell; the
 * reader has the last word. */
#include <errno.h>
#include <stdlib.h>

#include "base/bounds.h"
#include "base/json.h"
#include "workers/tools.h"

#define NO_CONTROL "[^\\u0000-\\u001f\\u007f-\\u009f]"

json_t *schema_program(const struct tool_key *key)
{
	(void)key;
	return json_pack("{s:s, s:i, s:s}", "type", "string", "maxLength", KS_MAX_PATH, "pattern",
		"^(/" NO_CONTROL "+|[^/\\u0000-\\u001f\\u007f-\\u009f]+)$");
}

json_t *schema_arguments(const struct tool_key *key)
{
	return json_pack("{s:s, s:I, s:{s:s, s:s}}", "type", "array", "maxItems",
		(json_int_t)key->maximum, "items", "type", "string", "pattern", "^[^\\u0000]*$");
}

json_t *schema_directory(const struct tool_key *key)
{
	(void)key;
	/* A pattern alone is met by what is no string. */
	return json_pack("{s:[s, s], s:i, s:s, s:{s:s, s:s}}", "type", "string", "null",
		"maxLength", KS_MAX_PATH, "pattern", "^/" NO_CONTROL "*$", "not", "type", "string",
		"pattern", "/\\.\\.(/|$)");
}

json_t *schema_tool_policy(const struct tool_key *key)
{
	(void)key;
	return json_pack("{s:[{s:s}, {s:s, s:i, s:s}]}", "oneOf", "$ref", "urn:kastellan:policy:0",
		"type", "string", "minLength", 1, "pattern", "^[^\\u0000]*$");
}

/* The kinds of every operating system: one manifest may be checked on another than it is for. */
json_t *schema_backend(const struct tool_key *key)
{
	json_t *names = json_array();
	enum ks_backend_kind kind;
	const char *name;

	(void)key;
	for (size_t i = 0; (name = tool_backend_name(i, &kind)); i++)
		names = json_and(names, json_string(name));
	return json_pack("{s:o}", "enum", json_and(names, json_null()));
}

json_t *schema_image(const struct tool_key *key)
{
	return json_pack("{s:[s, s], s:I, s:s}", "type", "string", "null", "maxLength",
		(json_int_t)key->maximum, "pattern", "^[A-Za-z0-9._:/@][A-Za-z0-9._:/@-]*$");
}

json_t *schema_count(const struct tool_key *key)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)key->minimum,
		"maximum", (json_int_t)key->maximum);
}

static json_t *key_schema(const struct tool_key *key)
{
	json_t *schema = json_pack("{s:o}", "description",
		key->unit ? json_sprintf("%s Unit: %s.", key->meaning, key->unit)
			  : json_string(key->meaning));
	json_t *type = key->schema(key);

	if (!schema || !type || json_object_update(schema, type) < 0) {
		json_decref(schema);
		schema = NULL;
	}
	json_decref(type);
	if (key->default_text)
		schema = json_with(
			schema, "default", json_loads(key->default_text, JSON_DECODE_ANY, NULL));
	return json_with(schema, "examples",
		json_pack("[o]", json_loads(key->example, JSON_DECODE_ANY, NULL)));
}

/* An object with these keys and no other. */
static json_t *keys_schema(const struct tool_keys *keys)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < keys->len; i++) {
		properties = json_with(properties, keys->rows[i].name, key_schema(&keys->rows[i]));
		if (!keys->rows[i].default_text)
			required = json_and(required, json_string(keys->rows[i].name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
		"required", required, "additionalProperties", 0);
}

json_t *schema_lifecycle(const struct tool_key *key)
{
	(void)key;
	return json_pack("{s:[{s:s}, {s:s, s:{s:o}, s:[s], s:b}]}", "oneOf", "const", "SingleUse",
		"type", "object", "properties", "IdleTimeout", keys_schema(&idle_keys), "required",
		"IdleTimeout", "additionalProperties", 0);
}

/* The policy's own schema stands within, so that one file is enough. */
static json_t *policy_definition(void)
{
	json_t *policy = NULL;
	char *text = NULL;

	if (ks_policy_schema(&text) == 0)
		policy = json_loads(text, 0, NULL);
	free(text);
	return policy;
}

int ks_tools_schema(char **ret_text)
{
	json_t *tools = json_pack("{s:s, s:i, s:{s:s}, s:o}", "type", "object", "maxProperties",
		KS_MAX_TOOLS, "propertyNames", "pattern", "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$",
		"additionalProperties", keys_schema(&tool_keys));
	json_t *schema = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:s}, s:o}, s:[s], s:b, s:{s:o}}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "$id", "urn:kastellan:tools:0",
		"title", "kastellan tools", "description",
		"The tools of an agent: what runs each, under which policy, and how long a worker "
		"lives. Made from the table of keys by `kastellan schema tools`.",
		"type", "object", "properties", "$schema", "type", "string", "description",
		"The address of this schema, for editors; kastellan does not read it.", "tools",
		tools, "required", "tools", "additionalProperties", 0, "$defs", "policy",
		policy_definition());

	return json_page(schema, ret_text);
}
