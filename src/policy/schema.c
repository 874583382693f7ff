/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/json.h"
#include "policy/egress.h"
#include "policy/position.h"

/* Patterns are ECMA 262; a schema counts characters where the parser counts bytes, so that its
 * lengths are the looser ones. */
#define NO_CONTROL "[^\\u0000-\\u001f\\u007f-\\u009f]"
#define PATH_PATTERN "^[?]?/" NO_CONTROL "*$"
/* A ".." component; the root; a tree that no grant may open. "/." and "//" stand for nothing. */
#define PATH_REFUSED "/\\.\\.(/|$)|^[?]?(/\\.?)+$|^[?]?(/\\.?)*/(proc|sys|dev)(/|$)"
/* Which letters an international name may have is beyond a pattern; wide forms and wide dots, which
 * people paste by mistake, are not. */
#define NO_LETTER ":-@\\[-\\^`{-\\u009f\\u3002\\uff00-\\uffef"
#define LETTER "[^\\u0000-/" NO_LETTER "]"
#define LABEL LETTER "([^\\u0000-,./" NO_LETTER "]*" LETTER ")?"
#define NAME "(\\*\\." LABEL "\\.)?" LABEL "(\\." LABEL ")*"
#define ENDPOINT_PATTERN "^(" NAME "|\\[[0-9A-Fa-f:.]+\\]):[1-9][0-9]{0,4}$"

json_t *schema_paths(const struct policy_field_info *info)
{
	return json_pack("{s:s, s:I, s:{s:s, s:i, s:s, s:{s:s}}}", "type", "array", "maxItems",
		(json_int_t)info->maximum, "items", "type", "string", "maxLength", KS_MAX_PATH + 1,
		"pattern", PATH_PATTERN, "not", "pattern", PATH_REFUSED);
}

json_t *schema_net(const struct policy_field_info *info)
{
	return json_pack("{s:[{s:[s, s]}, {s:s, s:{s:{s:s, s:I, s:{s:s, s:s}}}, s:[s], s:b}]}",
		"oneOf", "enum", policy_net_name(KS_NET_DENY), policy_net_name(KS_NET_PROXY_EGRESS),
		"type", "object", "properties", policy_net_name(KS_NET_ALLOWLIST), "type", "array",
		"maxItems", (json_int_t)info->maximum, "items", "type", "string", "pattern",
		ENDPOINT_PATTERN, "required", policy_net_name(KS_NET_ALLOWLIST),
		"additionalProperties", 0);
}

json_t *schema_number(const struct policy_field_info *info)
{
	json_t *type = info->nullable ? json_pack("[s, s]", "integer", "null")
				      : json_string("integer");

	return json_pack("{s:o, s:I, s:I}", "type", type, "minimum", (json_int_t)info->minimum,
		"maximum", (json_int_t)info->maximum);
}

json_t *schema_profile(const struct policy_field_info *info)
{
	json_t *names = json_array();

	(void)info;
	for (enum ks_profile profile = 0; policy_profile_name(profile); profile++)
		names = json_and(names, json_string(policy_profile_name(profile)));
	return json_pack("{s:o}", "enum", names);
}

json_t *schema_env(const struct policy_field_info *info)
{
	json_t *name = json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1,
		"maxLength", KS_MAX_ENV_NAME, "pattern", "^[^=\\u0000-\\u001f\\u007f-\\u009f]+$");
	json_t *value = json_pack("{s:s, s:i, s:s}", "type", "string", "maxLength",
		KS_MAX_ENV_VALUE, "pattern", "^[^\\u0000]*$");
	json_t *schema = json_pack(
		"{s:[{s:s, s:I, s:{s:s, s:[O, O], s:i, s:b}}, {s:s, s:I, s:O, s:O}]}", "oneOf",
		"type", "array", "maxItems", (json_int_t)info->maximum, "items", "type", "array",
		"prefixItems", name, value, "minItems", 2, "items", 0, "type", "object",
		"maxProperties", (json_int_t)info->maximum, "propertyNames", name,
		"additionalProperties", value);

	json_decref(name);
	json_decref(value);
	return schema;
}

/* A JSON text of the table. The check is that of the parser: see positions_agree(). */
static json_t *constant(const char *text)
{
	struct positions positions;
	json_t *value = NULL;

	if (positions_scan(text, strlen(text), &positions) == 0)
		value = json_loads(text, JSON_DECODE_ANY, NULL);
	if (value && !positions_agree(&positions, value)) {
		json_decref(value);
		value = NULL;
	}
	positions_done(&positions);
	return value;
}

/* The type, which is taken, with what is said of the key. */
static json_t *described(const struct policy_field_info *info, json_t *type)
{
	json_t *schema = json_pack("{s:o}", "description",
		info->unit ? json_sprintf("%s Unit: %s.", info->meaning, info->unit)
			   : json_string(info->meaning));

	/* An unpacked object that failed is NULL, and so is everything made from it. */
	if (!schema || !type || json_object_update(schema, type) < 0) {
		json_decref(schema);
		schema = NULL;
	}
	json_decref(type);
	schema = json_with(schema, "default", constant(info->default_text));
	return json_with(schema, "examples", json_pack("[o]", constant(info->example)));
}

static json_t *schema_sni(void)
{
	json_t *names = json_array();

	for (enum ks_sni sni = 0; policy_sni_name(sni); sni++)
		names = json_and(names, json_string(policy_sni_name(sni)));
	return json_pack("{s:o}", "enum", names);
}

json_t *schema_egress(const struct policy_field_info *info)
{
	json_t *settings = json_object();

	(void)info;
	for (int setting = 0; setting < SETTING_COUNT; setting++) {
		const struct policy_field_info *each = policy_egress_info(setting);

		settings = json_with(settings, policy_egress_key(setting),
			described(each, each->unit ? schema_number(each) : schema_sni()));
	}
	return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", settings,
		"additionalProperties", 0);
}

/* Settings of the proxy are for a list of endpoints. */
static json_t *egress_needs(void)
{
	return json_pack("{s:{s:{s:{s:s, s:{s:{s:i}}}}, s:[s]}}", policy_field_name(FIELD_EGRESS),
		"properties", policy_field_name(FIELD_NET), "type", "object", "properties",
		policy_net_name(KS_NET_ALLOWLIST), "minItems", 1, "required",
		policy_field_name(FIELD_NET));
}

int policy_schema(char **ret_text)
{
	json_t *fields = json_pack("{s:{s:s, s:s}}", "$schema", "type", "string", "description",
		"The address of this schema, for editors; kastellan does not read it.");
	json_t *schema;

	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct policy_field_row *row = policy_field_row(field);

		fields = json_with(
			fields, row->info.name, described(&row->info, row->schema(&row->info)));
	}
	schema = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "$id", "urn:kastellan:policy:0",
		"title", "kastellan policy", "description",
		"What a worker may read, write, reach and spend. A field that is left "
		"out has its default. Made from the table of fields by `kastellan "
		"schema`.",
		"type", "object", "properties", fields, "additionalProperties", 0,
		"dependentSchemas", egress_needs());
	return json_page(schema, ret_text);
}
