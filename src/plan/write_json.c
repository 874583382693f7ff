/* SPDX-License-Identifier: Apache-2.0 */
/* The plan and the receipt as JSON, for programs: every part of the plan, but for the values of the
 * environment, which may be secrets. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/strbuf.h"
#include "plan/landlock.h"
#include "plan/mounts.h"
#include "plan/plan.h"
#include "policy/fields.h"
#include "policy/utf8.h"

/* A refused insertion (out of memory) shows in the result being NULL, so each step hands it on. The
 * value is taken in any case; jansson does so but for the object that is none. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
	if (!object)
		json_decref(value);
	else if (json_object_set_new(object, key, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *append(json_t *array, json_t *value)
{
	if (!array)
		json_decref(value);
	else if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

/* JSON has no other text than UTF-8: what is none in a name becomes U+FFFD. */
static json_t *text(const char *bytes)
{
	size_t left = strlen(bytes);
	autostrbuf struct strbuf valid;
	json_t *json = NULL;

	strbuf_init(&valid, KS_MAX_TEXT);
	while (left) {
		size_t good = utf8_prefix(bytes, left);

		strbuf_add(&valid, bytes, good);
		if (good < left) {
			strbuf_puts(&valid, "\xef\xbf\xbd");
			good++;
		}
		bytes += good;
		left -= good;
	}
	if (!valid.error)
		json = json_stringn(valid.data ? valid.data : "", valid.len);
	return json;
}

static json_t *text_or_null(const char *bytes)
{
	return bytes ? text(bytes) : json_null();
}

/* UINT64_MAX stands for "none" in a plan. */
static json_t *number_or_null(uint64_t number)
{
	return number == UINT64_MAX ? json_null() : json_integer((json_int_t)number);
}

static json_t *texts(const struct strv *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		array = append(array, text(list->items[i]));
	return array;
}

static json_t *row_to_json(const struct receipt_row *row)
{
	json_t *json = with(json_object(), "field", text(policy_field_name(row->field)));

	json = with(json, "requested", json_boolean(row->requested));
	json = with(json, "request", text_or_null(row->request));
	json = with(json, "verdict", text(receipt_verdict_name(row->verdict)));
	json = with(json, "mechanism", text_or_null(row->mechanism));
	json = with(json, "detail", text_or_null(row->detail));
	return with(json, "remedy", text_or_null(row->remedy));
}

json_t *receipt_to_json(const struct receipt *receipt)
{
	json_t *array = json_array();

	for (size_t i = 0; i < FIELD_COUNT; i++)
		array = append(array, row_to_json(&receipt->rows[i]));
	return array;
}

static json_t *identity_to_json(const struct identity_plan *identity)
{
	json_t *json = with(json_object(), "uid", json_integer(identity->uid));

	json = with(json, "gid", json_integer(identity->gid));
	json = with(json, "own_kernel_ids", json_boolean(identity->drop));
	return with(json, "mapped_ids", json_boolean(identity->idmap));
}

static json_t *mount_to_json(const struct mount *mount)
{
	json_t *json = with(json_object(), "path", text(mount->path));
	bool sized = mount->kind == MOUNT_TMPFS;

	json = with(json, "kind", text(mount_kind_name(mount->kind)));
	json = with(json, "writable", json_boolean(mount->writable));
	json = with(json, "source", text_or_null(mount->source));
	json = with(json, "grant",
		mount->kind == MOUNT_BIND_GRANT ? json_integer((json_int_t)mount->grant)
						: json_null());
	return with(json, "size", sized ? number_or_null(mount->size) : json_null());
}

static json_t *mounts_to_json(const struct mount_list *mounts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < mounts->len; i++)
		array = append(array, mount_to_json(&mounts->items[i]));
	return array;
}

static json_t *grants_to_json(const struct grants *grants)
{
	json_t *array = json_array();

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];
		json_t *json = with(json_object(), "field", text(policy_field_name(grant->field)));

		json = with(json, "asked", text(grant->asked));
		json = with(json, "path", text(grant->path));
		json = with(json, "directory", json_boolean(grant->directory));
		array = append(array, with(json, "mapped_ids", json_boolean(grant->idmap)));
	}
	return array;
}

static json_t *names_to_json(uint64_t mask, const char *(*name)(unsigned bit))
{
	json_t *array = json_array();

	for (unsigned bit = 0; name(bit); bit++)
		if (mask & LANDLOCK_BIT(bit))
			array = append(array, text(name(bit)));
	return array;
}

static json_t *landlock_to_json(const struct landlock_plan *landlock)
{
	json_t *json = with(json_object(), "abi", json_integer(landlock->abi));
	json_t *rules = json_array();

	json = with(json, "handled_fs", names_to_json(landlock->handled_fs, landlock_fs_name));
	json = with(json, "handled_net", names_to_json(landlock->handled_net, landlock_net_name));
	json = with(json, "scoped", names_to_json(landlock->scoped, landlock_scope_name));
	for (size_t i = 0; i < landlock->n_rules; i++) {
		json_t *rule = with(json_object(), "path", text(landlock->rules[i].path));

		rules = append(
			rules, with(rule, "access",
				       names_to_json(landlock->rules[i].access, landlock_fs_name)));
	}
	return with(json, "rules", rules);
}

static json_t *filter_to_json(const struct filter_plan *filter)
{
	json_t *json = with(json_object(), "enabled", json_boolean(filter->enabled));

	json = with(json, "notify", json_boolean(filter->notify));
	json = with(json, "profile", text(policy_profile_name(filter->profile)));
	return with(json, "machine", text_or_null(filter->machine));
}

static json_t *limits_to_json(const struct limits_plan *limits)
{
	json_t *json = with(json_object(), "group", json_boolean(limits->group));
	json_t *rlimits = json_array();

	json = with(json, "memory_bytes", number_or_null(limits->memory_bytes));
	json = with(json, "tasks", number_or_null(limits->tasks));
	json = with(json, "cpu_quota_pct", number_or_null(limits->cpu_quota_pct));
	json = with(json, "cpu_budget_usec", number_or_null(limits->cpu_budget_usec));
	for (size_t i = 0; i < limits->n_rlimits; i++) {
		json_t *rlimit = with(json_object(), "name", text(limits->rlimits[i].name));

		rlimit = with(rlimit, "soft", number_or_null(limits->rlimits[i].soft));
		rlimits = append(
			rlimits, with(rlimit, "hard", number_or_null(limits->rlimits[i].hard)));
	}
	return with(json, "rlimits", rlimits);
}

static json_t *env_to_json(const struct ks_policy *policy)
{
	json_t *array = json_array();

	for (size_t i = 0; i < policy->n_env; i++)
		array = append(array, text(policy->env[i].name));
	return array;
}

static json_t *plan_to_json(const struct ks_plan *plan)
{
	json_t *json = with(json_object(), "version", json_integer(1));

	json = with(json, "backend", text(ks_backend_kind_name(plan->kind)));
	json = with(json, "receipt", receipt_to_json(&plan->receipt));
	json = with(json, "program", texts(&plan->argv));
	json = with(json, "search", text_or_null(plan->search));
	json = with(json, "cwd", text_or_null(plan->cwd));
	json = with(json, "terminal", json_boolean(plan->tty));
	json = with(json, "env", env_to_json(plan->policy));
	json = with(json, "identity", identity_to_json(&plan->identity));
	json = with(json, "grants", grants_to_json(&plan->grants));
	json = with(json, "absent", texts(&plan->grants.absent));
	json = with(json, "mounts", mounts_to_json(&plan->mounts));
	json = with(json, "landlock", landlock_to_json(&plan->landlock));
	json = with(json, "filter", filter_to_json(&plan->filter));
	json = with(json, "limits", limits_to_json(&plan->limits));
	return with(json, "helper", texts(&plan->helper));
}

int plan_write_json(const struct ks_plan *plan, char **ret_text)
{
	json_t *json = plan_to_json(plan);
	char *result = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
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
