/* SPDX-License-Identifier: Apache-2.0 */
/* The plan and the receipt as JSON, for programs: every part of the plan, but for the values of the
 * environment, which may be secrets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "plan/landlock.h"
#include "plan/mounts.h"
#include "plan/plan.h"
#include "plan/write_macos.h"
#include "plan/write_vm.h"
#include "policy/fields.h"

/* UINT64_MAX stands for "none" in a plan. */
static json_t *number_or_null(uint64_t number)
{
	return number == UINT64_MAX ? json_null() : json_integer((json_int_t)number);
}

static json_t *texts(const struct strv *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		array = json_and(array, json_text(list->items[i]));
	return array;
}

static json_t *row_to_json(const struct receipt_row *row)
{
	json_t *json = json_with(json_object(), "field", json_text(policy_field_name(row->field)));

	json = json_with(json, "requested", json_boolean(row->requested));
	json = json_with(json, "request", json_text_or_null(row->request));
	json = json_with(json, "verdict", json_text(receipt_verdict_name(row->verdict)));
	json = json_with(json, "mechanism", json_text_or_null(row->mechanism));
	json = json_with(json, "detail", json_text_or_null(row->detail));
	return json_with(json, "remedy", json_text_or_null(row->remedy));
}

json_t *receipt_to_json(const struct receipt *receipt)
{
	json_t *array = json_array();

	for (size_t i = 0; i < FIELD_COUNT; i++)
		array = json_and(array, row_to_json(&receipt->rows[i]));
	return array;
}

static json_t *identity_to_json(const struct identity_plan *identity)
{
	json_t *json = json_with(json_object(), "uid", json_integer(identity->uid));

	json = json_with(json, "gid", json_integer(identity->gid));
	if (identity->on_host)
		json = json_with(json, "on_host", json_true());
	json = json_with(json, "own_kernel_ids", json_boolean(identity->drop));
	return json_with(json, "mapped_ids", json_boolean(identity->idmap));
}

static json_t *mount_to_json(const struct mount *mount)
{
	json_t *json = json_with(json_object(), "path", json_text(mount->path));
	bool sized = mount->kind == MOUNT_TMPFS;

	json = json_with(json, "kind", json_text(mount_kind_name(mount->kind)));
	json = json_with(json, "writable", json_boolean(mount->writable));
	json = json_with(json, "source", json_text_or_null(mount->source));
	json = json_with(json, "grant",
		mount->kind == MOUNT_BIND_GRANT ? json_integer((json_int_t)mount->grant)
						: json_null());
	return json_with(json, "size", sized ? number_or_null(mount->size) : json_null());
}

static json_t *mounts_to_json(const struct mount_list *mounts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < mounts->len; i++)
		array = json_and(array, mount_to_json(&mounts->items[i]));
	return array;
}

static json_t *grants_to_json(const struct grants *grants)
{
	json_t *array = json_array();

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];
		json_t *json = json_with(
			json_object(), "field", json_text(policy_field_name(grant->field)));

		json = json_with(json, "asked", json_text(grant->asked));
		json = json_with(json, "path", json_text(grant->path));
		json = json_with(json, "directory", json_boolean(grant->directory));
		array = json_and(array, json_with(json, "mapped_ids", json_boolean(grant->idmap)));
	}
	return array;
}

static json_t *names_to_json(uint64_t mask, const char *(*name)(unsigned bit))
{
	json_t *array = json_array();

	for (unsigned bit = 0; name(bit); bit++)
		if (mask & LANDLOCK_BIT(bit))
			array = json_and(array, json_text(name(bit)));
	return array;
}

static json_t *landlock_to_json(const struct landlock_plan *landlock)
{
	json_t *json = json_with(json_object(), "abi", json_integer(landlock->abi));
	json_t *rules = json_array();

	json = json_with(json, "handled_fs", names_to_json(landlock->handled_fs, landlock_fs_name));
	json = json_with(
		json, "handled_net", names_to_json(landlock->handled_net, landlock_net_name));
	json = json_with(json, "scoped", names_to_json(landlock->scoped, landlock_scope_name));
	for (size_t i = 0; i < landlock->n_rules; i++) {
		json_t *rule = json_with(json_object(), "path", json_text(landlock->rules[i].path));

		rules = json_and(
			rules, json_with(rule, "access",
				       names_to_json(landlock->rules[i].access, landlock_fs_name)));
	}
	return json_with(json, "rules", rules);
}

static json_t *filter_to_json(const struct filter_plan *filter)
{
	json_t *json = json_with(json_object(), "enabled", json_boolean(filter->enabled));

	json = json_with(json, "notify", json_boolean(filter->notify));
	if (filter->on_host)
		json = json_with(json, "on_host", json_true());
	json = json_with(json, "profile", json_text(policy_profile_name(filter->profile)));
	return json_with(json, "machine", json_text_or_null(filter->machine));
}

static json_t *limits_to_json(const struct limits_plan *limits)
{
	json_t *json = json_with(json_object(), "group", json_boolean(limits->group));
	json_t *rlimits = json_array();

	json = json_with(json, "memory_bytes", number_or_null(limits->memory_bytes));
	json = json_with(json, "tasks", number_or_null(limits->tasks));
	json = json_with(json, "cpu_quota_pct", number_or_null(limits->cpu_quota_pct));
	json = json_with(json, "cpu_budget_usec", number_or_null(limits->cpu_budget_usec));
	for (size_t i = 0; i < limits->n_rlimits; i++) {
		json_t *rlimit = json_with(
			json_object(), "name", json_text(limits->rlimits[i].name));

		rlimit = json_with(rlimit, "soft", number_or_null(limits->rlimits[i].soft));
		rlimits = json_and(rlimits,
			json_with(rlimit, "hard", number_or_null(limits->rlimits[i].hard)));
	}
	return json_with(json, "rlimits", rlimits);
}

static json_t *env_to_json(const struct ks_policy *policy)
{
	json_t *array = json_array();

	for (size_t i = 0; i < policy->n_env; i++)
		array = json_and(array, json_text(policy->env[i].name));
	return array;
}

static json_t *plan_to_json(const struct ks_plan *plan)
{
	json_t *json = json_with(json_object(), "version", json_integer(1));

	json = json_with(json, "backend", json_text(ks_backend_kind_name(plan->kind)));
	json = json_with(json, "receipt", receipt_to_json(&plan->receipt));
	json = json_with(json, "program", texts(&plan->argv));
	json = json_with(json, "search", json_text_or_null(plan->search));
	json = json_with(json, "cwd", json_text_or_null(plan->cwd));
	json = json_with(json, "terminal", json_boolean(plan->tty));
	json = json_with(json, "env", env_to_json(plan->policy));
	if (plan->temporary) {
		json = json_with(json, "temporary", json_text(plan->temporary));
		json = json_with(json, "temporary_named", json_boolean(plan->temporary_named));
	}
	json = json_with(json, "identity", identity_to_json(&plan->identity));
	json = json_with(json, "grants", grants_to_json(&plan->grants));
	json = json_with(json, "absent", texts(&plan->grants.absent));
	json = json_with(json, "mounts", mounts_to_json(&plan->mounts));
	json = json_with(json, "landlock", landlock_to_json(&plan->landlock));
	json = json_with(json, "network", json_text(plan_network_name(plan->network)));
	json = json_with(json, "filter", filter_to_json(&plan->filter));
	json = json_with(json, "limits", limits_to_json(&plan->limits));
	json = write_macos_json(json, plan);
	json = write_vm_json(json, &plan->vm);
	return json_with(json, "helper", texts(&plan->helper));
}

int plan_write_json(const struct ks_plan *plan, char **ret_text)
{
	json_t *json = plan_to_json(plan);
	char *result = json_write(json, JSON_INDENT(2));
	autostrbuf struct strbuf out;

	strbuf_init(&out, KS_MAX_TEXT);
	json_decref(json);
	if (!result)
		return -ENOMEM;
	strbuf_puts(&out, result);
	strbuf_putc(&out, '\n');
	free(result);
	return strbuf_take(&out, ret_text, NULL);
}
