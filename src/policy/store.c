/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/check.h"
#include "policy/egress.h"
#include "policy/fields.h"

int policy_new(struct ks_policy **ret_policy)
{
	struct ks_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	policy->net = KS_NET_DENY;
	policy->profile = KS_PROFILE_WORKER_STRICT;
	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct policy_field_info *info = policy_field_info(field);

		if (!info->unit)
			continue;
		*policy_number(policy, field) = strcmp(info->default_text, "null") == 0
							? KS_POLICY_UNSET
							: strtoull(info->default_text, NULL, 10);
	}
	policy_egress_default(&policy->egress);
	*ret_policy = policy;
	return 0;
}

static void free_paths(struct policy_path *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i].path);
	free(paths);
}

void policy_clear_endpoints(struct ks_policy *policy)
{
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		free(policy->endpoints[i].text);
		free(policy->endpoints[i].host);
	}
	free(policy->endpoints);
	policy->endpoints = NULL;
	policy->n_endpoints = 0;
}

/* Values are often secrets: they do not stay behind in freed memory. The stores are volatile, or
 * the compiler would leave them out. */
static void free_value(char *value)
{
	for (volatile char *byte = value; *byte; byte++)
		*byte = '\0';
	free(value);
}

void policy_free(struct ks_policy *policy)
{
	if (!policy)
		return;
	free_paths(policy->fs_read, policy->n_fs_read);
	free_paths(policy->fs_write, policy->n_fs_write);
	policy_clear_endpoints(policy);
	for (size_t i = 0; i < policy->n_env; i++) {
		free(policy->env[i].name);
		free_value(policy->env[i].value);
	}
	free(policy->env);
	free(policy);
}

static int push_path(struct policy_path **list, size_t *count, struct policy_path path)
{
	struct policy_path *items = path.path ? realloc(*list, (*count + 1) * sizeof(*items))
					      : NULL;

	if (!items) {
		free(path.path);
		return -ENOMEM;
	}
	items[(*count)++] = path;
	*list = items;
	return 0;
}

static int push_endpoint(struct ks_policy *policy, struct policy_endpoint endpoint)
{
	struct policy_endpoint *items = NULL;

	if (endpoint.text && endpoint.host)
		items = realloc(policy->endpoints, (policy->n_endpoints + 1) * sizeof(*items));
	if (!items) {
		free(endpoint.text);
		free(endpoint.host);
		return -ENOMEM;
	}
	items[policy->n_endpoints++] = endpoint;
	policy->endpoints = items;
	return 0;
}

static int push_env(struct ks_policy *policy, const char *name, const char *value, size_t len)
{
	struct policy_env env = {strdup(name), strndup(value, len)};
	struct policy_env *items = NULL;

	if (env.name && env.value)
		items = realloc(policy->env, (policy->n_env + 1) * sizeof(*items));
	if (!items) {
		free(env.name);
		free(env.value);
		return -ENOMEM;
	}
	items[policy->n_env++] = env;
	policy->env = items;
	return 0;
}

static int copy_paths(
	const struct policy_path *from, size_t n, struct policy_path **to, size_t *n_to)
{
	for (size_t i = 0; i < n; i++) {
		struct policy_path path = {strdup(from[i].path), from[i].optional};

		if (push_path(to, n_to, path) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_endpoints(const struct ks_policy *from, struct ks_policy *to)
{
	for (size_t i = 0; i < from->n_endpoints; i++) {
		const struct policy_endpoint *endpoint = &from->endpoints[i];
		struct policy_endpoint copy = {
			.text = strdup(endpoint->text),
			.host = strdup(endpoint->host),
			.port = endpoint->port,
		};

		if (push_endpoint(to, copy) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_env(const struct ks_policy *from, struct ks_policy *to)
{
	for (size_t i = 0; i < from->n_env; i++)
		if (push_env(to, from->env[i].name, from->env[i].value,
			    strlen(from->env[i].value)) < 0)
			return -ENOMEM;
	return 0;
}

int policy_copy(const struct ks_policy *policy, struct ks_policy **ret_policy)
{
	autoclean(policy_free) struct ks_policy *copy = NULL;

	if (policy_new(&copy) < 0)
		return -ENOMEM;
	copy->net = policy->net;
	copy->profile = policy->profile;
	copy->cpu_ms = policy->cpu_ms;
	copy->mem_mb = policy->mem_mb;
	copy->cpu_quota_pct = policy->cpu_quota_pct;
	copy->tasks_max = policy->tasks_max;
	copy->egress = policy->egress;
	if (copy_paths(policy->fs_read, policy->n_fs_read, &copy->fs_read, &copy->n_fs_read) < 0 ||
		copy_paths(policy->fs_write, policy->n_fs_write, &copy->fs_write,
			&copy->n_fs_write) < 0 ||
		copy_endpoints(policy, copy) < 0 || copy_env(policy, copy) < 0)
		return -ENOMEM;
	*ret_policy = take_ptr(copy);
	return 0;
}

int policy_add_path(struct problems *to, size_t at, struct ks_policy *policy,
	enum policy_field field, const char *bytes, size_t len)
{
	bool writes = field == FIELD_FS_WRITE;
	struct policy_path path;
	int r = check_path(to, at, field, bytes, len, &path);

	if (r < 0)
		return r;
	if (policy->n_fs_read + policy->n_fs_write >= KS_MAX_GRANTS) {
		free(path.path);
		return problem_add(to, -E2BIG, at,
			ABOUT(.field = policy_field_name(field),
				.remedy = "grant the directories above the paths instead"),
			"more than %u paths in fs_read and fs_write together", KS_MAX_GRANTS);
	}
	r = push_path(writes ? &policy->fs_write : &policy->fs_read,
		writes ? &policy->n_fs_write : &policy->n_fs_read, path);
	return r < 0 ? problem_oom(to) : 0;
}

int policy_add_endpoint(
	struct problems *to, size_t at, struct ks_policy *policy, const char *bytes, size_t len)
{
	struct policy_endpoint endpoint;
	int r = check_endpoint(to, at, bytes, len, &endpoint);

	if (r < 0)
		return r;
	if (policy->n_endpoints >= KS_MAX_ENDPOINTS) {
		free(endpoint.text);
		free(endpoint.host);
		return problem_add(to, -E2BIG, at,
			ABOUT(.field = "net", .remedy = "split the work between workers"),
			"more than %u endpoints", KS_MAX_ENDPOINTS);
	}
	if (push_endpoint(policy, endpoint) < 0)
		return problem_oom(to);
	policy->net = KS_NET_ALLOWLIST;
	return 0;
}

struct policy_env *policy_find_env(const struct ks_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_env; i++)
		if (strcmp(policy->env[i].name, name) == 0)
			return &policy->env[i];
	return NULL;
}

/* Names and values with their "=" and NUL, as execve(2) counts them. */
static size_t env_bytes(const struct ks_policy *policy)
{
	size_t bytes = 0;

	for (size_t i = 0; i < policy->n_env; i++)
		bytes += strlen(policy->env[i].name) + strlen(policy->env[i].value) + 2;
	return bytes;
}

static int replace_value(struct policy_env *env, const char *value, size_t len)
{
	char *copy = strndup(value, len);

	if (!copy)
		return -ENOMEM;
	free_value(env->value);
	env->value = copy;
	return 0;
}

int policy_set_env(struct problems *to, size_t at, struct ks_policy *policy, const char *name,
	const char *value, size_t value_len)
{
	struct policy_env *old = policy_find_env(policy, name);
	size_t freed = old ? strlen(name) + strlen(old->value) + 2 : 0;
	int r = check_env_value(to, at, name, value, value_len);

	if (r < 0)
		return r;
	if (!old && policy->n_env >= KS_MAX_ENV)
		return problem_add(to, -E2BIG, at,
			ABOUT(.field = "env", .remedy = "pass the values in a file instead"),
			"more than %u variables", KS_MAX_ENV);
	if (env_bytes(policy) - freed + strlen(name) + value_len + 2 > KS_MAX_ENV_BYTES)
		return problem_add(to, -E2BIG, at,
			ABOUT(.field = "env", .remedy = "pass the values in a file instead"),
			"names and values take more than %u bytes together", KS_MAX_ENV_BYTES);
	r = old ? replace_value(old, value, value_len) : push_env(policy, name, value, value_len);
	return r < 0 ? problem_oom(to) : 0;
}
