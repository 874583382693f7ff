/* SPDX-License-Identifier: Apache-2.0 */
/* The exported policy calls. A setter asks the same checks as the parser, so that a policy built by
 * calls can always be written and read again. */
#include <kastellan/policy.h>

#include <errno.h>
#include <string.h>

#include "api/text_file.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "policy/check.h"
#include "policy/egress.h"
#include "policy/fields.h"
#include "policy/parse.h"
#include "policy/schema.h"
#include "policy/store.h"
#include "policy/write.h"

int ks_policy_new(ks_policy **ret_policy)
{
	return policy_new(ret_policy);
}

int ks_policy_copy(const ks_policy *policy, ks_policy **ret_policy)
{
	return policy_copy(policy, ret_policy);
}

void ks_policy_free(ks_policy *policy)
{
	policy_free(policy);
}

int ks_policy_parse(
	const char *text, size_t len, const char *name, ks_policy **ret_policy, ks_error **reterr)
{
	return policy_parse(text, len, name, ret_policy, reterr);
}

int ks_policy_load(const char *path, ks_policy **ret_policy, ks_error **reterr)
{
	autofree char *text = NULL;
	size_t len = 0;
	int r = text_file_read(path, "policy", &text, &len, reterr);

	return r < 0 ? r : policy_parse(text, len, path, ret_policy, reterr);
}

int ks_policy_write(const ks_policy *policy, char **ret_text)
{
	return policy_write(policy, ret_text);
}

int ks_policy_schema(char **ret_text)
{
	return policy_schema(ret_text);
}

int ks_policy_add_read(ks_policy *policy, const char *path, ks_error **reterr)
{
	struct problems problems = {0};

	policy_add_path(&problems, NOWHERE, policy, FIELD_FS_READ, path, strlen(path));
	return problems_finish(&problems, reterr);
}

int ks_policy_add_write(ks_policy *policy, const char *path, ks_error **reterr)
{
	struct problems problems = {0};

	policy_add_path(&problems, NOWHERE, policy, FIELD_FS_WRITE, path, strlen(path));
	return problems_finish(&problems, reterr);
}

int ks_policy_set_net(ks_policy *policy, enum ks_net net, ks_error **reterr)
{
	if (!policy_net_name(net))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "policy", .field = "net",
				.remedy = "pass KS_NET_DENY, KS_NET_ALLOWLIST or "
					  "KS_NET_PROXY_EGRESS"),
			"net: %d is no kind of network", (int)net);
	policy_clear_endpoints(policy);
	/* An allowlist without an endpoint denies; the first endpoint makes it one. */
	policy->net = net == KS_NET_ALLOWLIST ? KS_NET_DENY : net;
	return 0;
}

int ks_policy_add_endpoint(ks_policy *policy, const char *endpoint, ks_error **reterr)
{
	struct problems problems = {0};

	policy_add_endpoint(&problems, NOWHERE, policy, endpoint, strlen(endpoint));
	return problems_finish(&problems, reterr);
}

static int set_number(ks_policy *policy, enum policy_field field, uint64_t value, ks_error **reterr)
{
	struct problems problems = {0};

	if (check_number(&problems, NOWHERE, policy_field_info(field), value) == 0)
		*policy_number(policy, field) = value;
	return problems_finish(&problems, reterr);
}

int ks_policy_set_cpu_ms(ks_policy *policy, uint64_t cpu_ms, ks_error **reterr)
{
	return set_number(policy, FIELD_CPU_MS, cpu_ms, reterr);
}

int ks_policy_set_mem_mb(ks_policy *policy, uint64_t mem_mb, ks_error **reterr)
{
	return set_number(policy, FIELD_MEM_MB, mem_mb, reterr);
}

int ks_policy_set_profile(ks_policy *policy, enum ks_profile profile, ks_error **reterr)
{
	if (!policy_profile_name(profile))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "policy", .field = "profile",
				.remedy = "pass KS_PROFILE_WORKER_STRICT or "
					  "KS_PROFILE_WORKER_NET_CLIENT"),
			"profile: %d is no profile", (int)profile);
	policy->profile = profile;
	return 0;
}

int ks_policy_set_cpu_quota_pct(ks_policy *policy, uint64_t percent, ks_error **reterr)
{
	return set_number(policy, FIELD_CPU_QUOTA_PCT, percent, reterr);
}

int ks_policy_set_tasks_max(ks_policy *policy, uint64_t tasks, ks_error **reterr)
{
	return set_number(policy, FIELD_TASKS_MAX, tasks, reterr);
}

int ks_policy_set_env(ks_policy *policy, const char *name, const char *value, ks_error **reterr)
{
	struct problems problems = {0};

	if (check_env_name(&problems, NOWHERE, name, strlen(name)) == 0)
		policy_set_env(&problems, NOWHERE, policy, name, value, strlen(value));
	return problems_finish(&problems, reterr);
}

int ks_policy_set_egress_sni(ks_policy *policy, enum ks_sni sni, ks_error **reterr)
{
	const char *name = policy_egress_info(SETTING_SNI)->name;

	if (!policy_sni_name(sni))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "policy", .field = name,
				.remedy = "pass KS_SNI_MATCH or KS_SNI_OFF"),
			"%s: %d is no way to look at TLS", name, (int)sni);
	policy->egress.sni = sni;
	return 0;
}

static int set_setting(
	ks_policy *policy, enum egress_setting setting, uint64_t value, ks_error **reterr)
{
	struct problems problems = {0};

	if (check_number(&problems, NOWHERE, policy_egress_info(setting), value) == 0)
		*policy_egress_number(&policy->egress, setting) = value;
	return problems_finish(&problems, reterr);
}

int ks_policy_set_egress_connections(ks_policy *policy, uint64_t connections, ks_error **reterr)
{
	return set_setting(policy, SETTING_CONNECTIONS, connections, reterr);
}

int ks_policy_set_egress_names(ks_policy *policy, uint64_t names, ks_error **reterr)
{
	return set_setting(policy, SETTING_NAMES, names, reterr);
}

int ks_policy_set_egress_bytes(ks_policy *policy, uint64_t bytes, ks_error **reterr)
{
	return set_setting(policy, SETTING_BYTES, bytes, reterr);
}

int ks_policy_set_egress_connect_ms(ks_policy *policy, uint64_t connect_ms, ks_error **reterr)
{
	return set_setting(policy, SETTING_CONNECT_MS, connect_ms, reterr);
}

int ks_policy_set_egress_idle_ms(ks_policy *policy, uint64_t idle_ms, ks_error **reterr)
{
	return set_setting(policy, SETTING_IDLE_MS, idle_ms, reterr);
}

static const char *path_at(
	const struct policy_path *paths, size_t count, size_t index, int *ret_optional)
{
	if (index >= count)
		return NULL;
	if (ret_optional)
		*ret_optional = paths[index].optional;
	return paths[index].path;
}

const char *ks_policy_read_path(const ks_policy *policy, size_t index, int *ret_optional)
{
	return path_at(policy->fs_read, policy->n_fs_read, index, ret_optional);
}

const char *ks_policy_write_path(const ks_policy *policy, size_t index, int *ret_optional)
{
	return path_at(policy->fs_write, policy->n_fs_write, index, ret_optional);
}

enum ks_net ks_policy_net(const ks_policy *policy)
{
	return policy->net;
}

const char *ks_policy_endpoint(const ks_policy *policy, size_t index)
{
	return index < policy->n_endpoints ? policy->endpoints[index].text : NULL;
}

uint64_t ks_policy_cpu_ms(const ks_policy *policy)
{
	return policy->cpu_ms;
}

uint64_t ks_policy_mem_mb(const ks_policy *policy)
{
	return policy->mem_mb;
}

enum ks_profile ks_policy_profile(const ks_policy *policy)
{
	return policy->profile;
}

uint64_t ks_policy_cpu_quota_pct(const ks_policy *policy)
{
	return policy->cpu_quota_pct;
}

uint64_t ks_policy_tasks_max(const ks_policy *policy)
{
	return policy->tasks_max;
}

enum ks_sni ks_policy_egress_sni(const ks_policy *policy)
{
	return policy->egress.sni;
}

uint64_t ks_policy_egress_connections(const ks_policy *policy)
{
	return policy->egress.connections;
}

uint64_t ks_policy_egress_names(const ks_policy *policy)
{
	return policy->egress.names;
}

uint64_t ks_policy_egress_bytes(const ks_policy *policy)
{
	return policy->egress.bytes;
}

uint64_t ks_policy_egress_connect_ms(const ks_policy *policy)
{
	return policy->egress.connect_ms;
}

uint64_t ks_policy_egress_idle_ms(const ks_policy *policy)
{
	return policy->egress.idle_ms;
}

const char *ks_policy_env(const ks_policy *policy, size_t index, const char **ret_value)
{
	if (index >= policy->n_env)
		return NULL;
	if (ret_value)
		*ret_value = policy->env[index].value;
	return policy->env[index].name;
}
