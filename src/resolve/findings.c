/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/host_json.h"
#include "resolve/kinds.h"

static const struct {
	const char *name;
	why_not_function *why_not;
} layers[] = {
	{"bubblewrap", why_not_bwrap_program},
	{"userns", why_not_userns},
	{"landlock", why_not_landlock},
	{"seccomp", why_not_seccomp},
	{"cgroup", why_not_cgroup},
	{"idmap", why_not_idmap},
};

#define N_LAYERS (sizeof(layers) / sizeof(layers[0]))

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

	for (size_t i = 0; r == 0 && i < N_LAYERS; i++) {
		struct findings_row *row = &findings->rows[findings->len++];

		row->name = layers[i].name;
		r = layers[i].why_not(host, &row->why);
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
	findings->rows = calloc(N_LAYERS + table->len, sizeof(*findings->rows));
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

static const char *state_name(enum ks_finding_state state)
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

static int set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	return json_object_set_new(object, name, value ? value : json_null());
}

static int row_to_json(json_t *list, const struct findings_row *row)
{
	const struct why_not *why = &row->why;
	json_t *object = json_object();

	if (json_array_append_new(list, object) < 0 ||
		set_text(object, row->is_backend ? "kind" : "layer", row->name) < 0 ||
		json_object_set_new(object, "works", json_boolean(why->state == KS_FINDING_WORKS)) <
			0 ||
		set_text(object, "state", state_name(why->state)) < 0)
		return -ENOMEM;
	if (row->is_backend &&
		(json_object_set_new(object, "default", json_boolean(row->is_default)) < 0 ||
			set_text(object, "layer", why->layer) < 0))
		return -ENOMEM;
	if (set_text(object, "detail", why->detail) < 0 ||
		set_text(object, "reason", why->reason) < 0 ||
		set_text(object, "remedy", why->remedy) < 0)
		return -ENOMEM;
	return 0;
}

int findings_write_json(
	const struct findings *findings, const struct ks_host *host, char **ret_text)
{
	json_t *object = json_object();
	json_t *layer_list = json_array();
	json_t *backend_list = json_array();
	json_t *facts = NULL;
	char *text = NULL;
	int r = object && layer_list && backend_list ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < findings->len; i++)
		r = row_to_json(findings->rows[i].is_backend ? backend_list : layer_list,
			&findings->rows[i]);
	if (r == 0)
		r = host_to_json(host, &facts);
	if (r == 0 && (json_object_set(object, "host", facts) < 0 ||
			      json_object_set(object, "layers", layer_list) < 0 ||
			      json_object_set(object, "backends", backend_list) < 0))
		r = -ENOMEM;
	if (r == 0)
		text = json_dumps(object, JSON_INDENT(2));
	json_decref(facts);
	json_decref(layer_list);
	json_decref(backend_list);
	json_decref(object);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
