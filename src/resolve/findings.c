/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "resolve/host_json.h"
#include "resolve/kinds.h"

static int not_built(struct why_not *ret)
{
	*ret = (struct why_not){.state = KS_FINDING_FAILS, .code = -EOPNOTSUPP, .layer = "build"};
	ret->reason = strdup("it is not built in this version");
	return ret->reason ? 0 : -ENOMEM;
}

static int fill(
	struct findings *findings, const struct backend_table *table, const struct ks_host *host)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->n_layers; i++) {
		struct findings_row *row = &findings->rows[findings->len++];

		row->name = table->layers[i].name;
		r = table->layers[i].why_not(host, &row->why);
	}
	for (size_t i = 0; r == 0 && i < table->len; i++) {
		struct findings_row *row = &findings->rows[findings->len++];

		row->kind = table->rows[i].kind;
		row->name = kind_name(row->kind);
		row->is_backend = true;
		row->is_default = row->kind == table->default_kind;
		r = table->rows[i].ops ? table->rows[i].why_not(host, &row->why)
				       : not_built(&row->why);
	}
	return r;
}

int findings_new(const struct backend_table *table, const struct ks_host *host,
	struct findings **ret_findings)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	int r = -ENOMEM;

	if (!findings)
		return r;
	findings->rows = calloc(table->n_layers + table->len + 1, sizeof(*findings->rows));
	if (findings->rows)
		r = fill(findings, table, host);
	if (r < 0) {
		findings_free(findings);
		return r;
	}
	*ret_findings = findings;
	return 0;
}

void findings_free(struct findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->len; i++)
		why_not_done(&findings->rows[i].why);
	free(findings->rows);
	free(findings);
}

const char *ks_finding_state_name(enum ks_finding_state state)
{
	switch (state) {
	case KS_FINDING_WORKS:
		return "works";
	case KS_FINDING_LIMITED:
		return "limited";
	case KS_FINDING_FAILS:
		break;
	}
	return "fails";
}

static json_t *row_to_json(const struct findings_row *row)
{
	const struct why_not *why = &row->why;
	json_t *json = json_with(
		json_object(), row->is_backend ? "kind" : "layer", json_text(row->name));

	json = json_with(json, "works", json_boolean(why->state == KS_FINDING_WORKS));
	json = json_with(json, "state", json_text(ks_finding_state_name(why->state)));
	if (row->is_backend) {
		json = json_with(json, "default", json_boolean(row->is_default));
		json = json_with(json, "layer", json_text_or_null(why->layer));
	}
	json = json_with(json, "detail", json_text_or_null(why->detail));
	json = json_with(json, "reason", json_text_or_null(why->reason));
	return json_with(json, "remedy", json_text_or_null(why->remedy));
}

static json_t *rows_to_json(const struct findings *findings, bool backends)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->len; i++)
		if (findings->rows[i].is_backend == backends)
			list = json_and(list, row_to_json(&findings->rows[i]));
	return list;
}

int findings_write_json(
	const struct findings *findings, const struct ks_host *host, char **ret_text)
{
	json_t *json = json_with(json_object(), "host", host_to_json(host));
	char *text = NULL;

	json = json_with(json, "layers", rows_to_json(findings, false));
	json = json_with(json, "backends", rows_to_json(findings, true));
	text = json_write(json, JSON_INDENT(2));
	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
