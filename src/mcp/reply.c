/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "mcp/diagnosis.h"
#include "mcp/grants.h"

static json_t *outcome_to_json(const ks_outcome *outcome)
{
	json_t *json;

	if (!outcome)
		return json_null();
	json = json_with(
		json_object(), "type", json_string(ks_outcome_type_name(ks_outcome_type(outcome))));
	json = json_with(json, "exit_code",
		ks_outcome_exit_code(outcome) >= 0 ? json_integer(ks_outcome_exit_code(outcome))
						   : json_null());
	json = json_with(json, "signal",
		ks_outcome_signal(outcome) ? json_integer(ks_outcome_signal(outcome))
					   : json_null());
	return json_with(json, "detail", json_text_or_null(ks_outcome_detail(outcome)));
}

static const char *verdict_name(enum ks_verdict verdict)
{
	static const char *const names[] = {"held", "clamped", "degraded", "absent"};

	return (size_t)verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "unknown";
}

/* The row of the receipt that the error is about. */
static json_t *receipt_to_json(const ks_outcome *outcome, const char *field)
{
	struct ks_receipt_row row = {.size = sizeof(row)};
	json_t *json;

	if (!outcome || !field)
		return json_null();
	for (size_t i = 0; ks_outcome_receipt(outcome, i, &row) == 0; i++) {
		if (strcmp(row.field, field) != 0)
			continue;
		json = json_with(json_object(), "field", json_string(row.field));
		json = json_with(json, "verdict", json_string(verdict_name(row.verdict)));
		json = json_with(json, "request", json_text_or_null(row.request));
		return json_with(json, "mechanism", json_text_or_null(row.mechanism));
	}
	return json_null();
}

/* Twice what it had: a part of a policy, to be copied as it is. Nothing where no policy could grant
 * it. */
static json_t *grant_to_json(const ks_outcome *outcome, const ks_policy *policy)
{
	uint64_t had = 0;
	const char *field = NULL;

	if (!outcome || !policy)
		return json_null();
	if (ks_outcome_type(outcome) == KS_OUTCOME_OOM) {
		field = "mem_mb";
		had = ks_policy_mem_mb(policy);
	} else if (ks_outcome_type(outcome) == KS_OUTCOME_CPU) {
		field = "cpu_ms";
		had = ks_policy_cpu_ms(policy);
	} else if (ks_outcome_type(outcome) == KS_OUTCOME_TASKS) {
		field = "tasks_max";
		had = ks_policy_tasks_max(policy);
		had = had == KS_POLICY_UNSET ? 64 : had;
	}
	return field && had ? grant_number(field, had * 2) : json_null();
}

/* The destinations that its egress proxy refused over its whole life, and paths of its command line
 * that its last words, or the reason why it did not start, name. */
static json_t *denied_to_json(const ks_error *error, const ks_policy *policy, const char *paths)
{
	struct ks_denied_destination denied = {.size = sizeof(denied)};
	const ks_outcome *outcome = ks_error_outcome(error);
	const char *said = ks_error_stderr(error, NULL);
	json_t *list = json_array();

	if (!said)
		said = ks_error_fault(error) == KS_FAULT_START ? ks_error_path(error) : NULL;
	list = diagnosis_tell_paths(list, said, said ? strlen(said) : 0, paths, policy);
	for (size_t i = 0; outcome && ks_outcome_denied_destination(outcome, i, &denied) == 0; i++)
		list = json_and(list, refused_destination_to_json(policy, denied.host, denied.port,
					      denied.reason, denied.times, denied.entry));
	return list;
}

/* Where no limit is the reason, the first thing that a grant would allow. */
static json_t *first_grant(json_t *limit, const json_t *denied)
{
	for (size_t i = 0; json_is_null(limit) && i < json_array_size(denied); i++) {
		json_t *grant = json_object_get(json_array_get(denied, i), "grant");

		if (!json_is_object(grant))
			continue;
		json_decref(limit);
		return json_incref(grant);
	}
	return limit;
}

/* Takes the list of what was denied. said: the last of its stderr. */
static json_t *data_to_json(
	const ks_error *error, const ks_policy *policy, json_t *denied, const char *said)
{
	const ks_outcome *outcome = ks_error_outcome(error);
	const char *field = ks_error_field(error);
	enum ks_fault fault = ks_error_fault(error);
	json_t *json = json_object();

	json = json_with(json, "fault", json_string(ks_fault_name(fault)));
	json = json_with(json, "step", json_string(ks_error_step(error)));
	json = json_with(json, "outcome", outcome_to_json(outcome));
	json = json_with(json, "field", json_text_or_null(field));
	json = json_with(json, "path",
		fault == KS_FAULT_START ? json_text_or_null(ks_error_path(error)) : json_null());
	json = json_with(json, "receipt", receipt_to_json(outcome, field));
	json = json_with(json, "grant", first_grant(grant_to_json(outcome, policy), denied));
	json = json_with(json, "denied", denied);
	json = json_with(json, "remedy", json_text_or_null(ks_error_remedy(error)));
	return json_with(json, "stderr", json_text_or_null(said));
}

json_t *reply_data(const ks_error *error, const ks_policy *policy, const char *paths)
{
	return data_to_json(
		error, policy, denied_to_json(error, policy, paths), ks_error_stderr(error, NULL));
}

void reply_json(struct strbuf *to, const char *id, const char *key, const char *json)
{
	strbuf_puts(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	strbuf_puts(to, id);
	strbuf_puts(to, ",\"");
	strbuf_puts(to, key);
	strbuf_puts(to, "\":");
	strbuf_puts(to, json);
	strbuf_puts(to, "}\n");
}

/* Takes the error's object. */
static void add(struct strbuf *to, const char *id, json_t *error)
{
	char *text = json_write(error, JSON_COMPACT);

	json_decref(error);
	if (!text) {
		to->error = to->error ? to->error : -ENOMEM;
		return;
	}
	reply_json(to, id, "error", text);
	free(text);
}

static json_t *error_to_json(int code, const char *message)
{
	json_t *json = json_with(json_object(), "code", json_integer(code));

	return json_with(json, "message", json_text(message));
}

/* Takes the data. */
static void add_fault(struct strbuf *to, const char *id, const ks_error *error, json_t *data)
{
	add(to, id, json_with(error_to_json(REPLY_FAULT, ks_error_message(error)), "data", data));
}

void reply_fault(struct strbuf *to, const char *id, const ks_error *error, const ks_policy *policy,
	const char *paths)
{
	add_fault(to, id, error, reply_data(error, policy, paths));
}

void reply_fault_in_brief(
	struct strbuf *to, const char *id, const ks_error *error, const ks_policy *policy)
{
	add_fault(to, id, error, data_to_json(error, policy, json_array(), NULL));
}

void reply_error(struct strbuf *to, const char *id, int code, const char *message)
{
	add(to, id, error_to_json(code, message));
}

void reply_usage(struct strbuf *to, const char *id, const ks_error *error)
{
	json_t *data = json_with(json_object(), "step", json_string(ks_error_step(error)));

	data = json_with(data, "field", json_text_or_null(ks_error_field(error)));
	data = json_with(data, "remedy", json_text_or_null(ks_error_remedy(error)));
	add(to, id, json_with(error_to_json(REPLY_PARAMS, ks_error_message(error)), "data", data));
}

void reply_unreadable(struct strbuf *to, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "this is no message: %s", why);
	reply_error(to, "null", REPLY_PARSE, text);
}
