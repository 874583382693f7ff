/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome as one JSON object: kastellan-status(5) is its description. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "policy/fields.h"
#include "report/outcome.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *outcome_to_json(const struct ks_outcome *outcome)
{
	json_t *json = json_object();

	json = json_with(json, "type", json_string(ks_outcome_type_name(outcome->type)));
	json = json_with(json, "exit_code",
		outcome->exit_code >= 0 ? json_integer(outcome->exit_code) : json_null());
	json = json_with(
		json, "signal", outcome->signal ? json_integer(outcome->signal) : json_null());
	json = json_with(json, "call",
		outcome->type == KS_OUTCOME_DENIED ? json_text_or_null(outcome->detail)
						   : json_null());
	return json_with(json, "shell_status", json_integer(ks_outcome_shell_status(outcome)));
}

static json_t *usage_to_json(const struct ending *ending)
{
	json_t *json = json_object();

	json = json_with(json, "wall_ms", number(ending->wall_usec / 1000));
	json = json_with(json, "cpu_ms", number(ending->cpu_usec / 1000));
	json = json_with(json, "memory_peak_bytes",
		ending->memory_peak_bytes ? number(ending->memory_peak_bytes) : json_null());
	json = json_with(
		json, "tasks_peak", ending->tasks_peak ? number(ending->tasks_peak) : json_null());
	json = json_with(json, "oom_kills", number(ending->oom_kills));
	json = json_with(json, "tasks_refused", number(ending->tasks_refused));
	return json_with(json, "calls_denied", number(ending->denials));
}

static json_t *machine_to_json(const struct ending *ending)
{
	if (!ending->guest)
		return json_null();
	return json_with(json_with(json_object(), "guest", json_string(ending->guest)), "reason",
		ending->guest_reason ? json_string(ending->guest_reason) : json_null());
}

static json_t *error_to_json(const struct ks_outcome *outcome)
{
	json_t *json;

	if (outcome->type != KS_OUTCOME_SETUP)
		return json_null();
	json = json_with(json_object(), "step", json_text_or_null(outcome->detail));
	json = json_with(json, "field", json_text_or_null(outcome->field));
	json = json_with(json, "path", json_text_or_null(outcome->path));
	json = json_with(json, "errno", json_integer(-outcome->error));
	json = json_with(json, "message", json_text_or_null(outcome->message));
	return json_with(json, "remedy", json_text_or_null(outcome->remedy));
}

int ks_outcome_json(const ks_outcome *outcome, char **ret_text)
{
	json_t *json = json_with(json_object(), "version", json_integer(1));
	char *text = NULL;

	json = json_with(json, "backend", json_text_or_null(outcome->backend));
	json = json_with(json, "outcome", outcome_to_json(outcome));
	json = json_with(json, "usage", usage_to_json(&outcome->ending));
	json = json_with(json, "network", network_report_to_json(&outcome->network));
	json = json_with(json, "machine", machine_to_json(&outcome->ending));
	json = json_with(json, "error", error_to_json(outcome));
	json = json_with(json, "receipt",
		outcome->has_receipt ? receipt_to_json(&outcome->receipt) : json_null());
	text = json_write(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

int receipt_row_out(const struct receipt *receipt, size_t index, struct ks_receipt_row *ret_row)
{
	const struct receipt_row *row;
	struct ks_receipt_row full = {0};
	size_t size = ret_row->size < sizeof(full) ? ret_row->size : sizeof(full);

	if (index >= FIELD_COUNT)
		return -ENOENT;
	row = &receipt->rows[index];
	full.field = policy_field_name(row->field);
	full.request = row->request;
	full.mechanism = row->mechanism;
	full.detail = row->detail;
	full.remedy = row->remedy;
	full.verdict = (enum ks_verdict)row->verdict;
	full.requested = row->requested;
	full.size = ret_row->size;
	memcpy(ret_row, &full, size);
	return 0;
}

int ks_outcome_receipt(const ks_outcome *outcome, size_t index, struct ks_receipt_row *ret_row)
{
	if (!outcome->has_receipt)
		return -ENOENT;
	return receipt_row_out(&outcome->receipt, index, ret_row);
}
