/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fields.h"

#include <string.h>

#include "base/bounds.h"
#include "policy/egress.h"
#include "policy/parse.h"
#include "policy/schema.h"
#include "policy/write.h"

static const struct policy_field_row rows[FIELD_COUNT] = {
	[FIELD_FS_READ] =
		{
			.info =
				{
					.name = "fs_read",
					.type = "array of absolute paths",
					.default_text = "[]",
					.example = "[\"/srv/data\", \"?/srv/cache\"]",
					.maximum = KS_MAX_GRANTS,
					.meaning = "Files and directories that the worker may "
						   "read; a leading \"?\" "
						   "leaves out a path that does not exist.",
				},
			.read = read_paths,
			.write = write_paths,
			.schema = schema_paths,
		},
	[FIELD_FS_WRITE] =
		{
			.info =
				{
					.name = "fs_write",
					.type = "array of absolute paths",
					.default_text = "[]",
					.example = "[\"/srv/scratch\"]",
					.maximum = KS_MAX_GRANTS,
					.meaning = "Files and directories that the worker may read "
						   "and write; a leading \"?\" leaves out a path "
						   "that does not exist.",
				},
			.read = read_paths,
			.write = write_paths,
			.schema = schema_paths,
		},
	[FIELD_NET] =
		{
			.info =
				{
					.name = "net",
					.type = "\"Deny\", {\"Allowlist\": array of \"host:port\"} "
						"or \"ProxyEgress\"",
					.default_text = "\"Deny\"",
					.example = "{\"Allowlist\": [\"api.example.com:443\"]}",
					.maximum = KS_MAX_ENDPOINTS,
					.meaning = "Network: none; only the listed endpoints, "
						   "through the egress proxy; or the egress "
						   "proxy's own, real network.",
				},
			.read = read_net,
			.write = write_net,
			.schema = schema_net,
		},
	[FIELD_CPU_MS] =
		{
			.info =
				{
					.name = "cpu_ms",
					.type = "integer",
					.unit = "milliseconds",
					.default_text = "1000",
					.example = "5000",
					.maximum = KS_MAX_CPU_MS,
					.meaning = "CPU time that all processes of the worker may "
						   "spend together; 0 "
						   "sets no budget.",
				},
			.offset = offsetof(struct ks_policy, cpu_ms),
			.read = read_number,
			.write = write_number,
			.schema = schema_number,
		},
	[FIELD_MEM_MB] =
		{
			.info =
				{
					.name = "mem_mb",
					.type = "integer",
					.unit = "MiB",
					.default_text = "64",
					.example = "512",
					.maximum = KS_MAX_MEM_MB,
					.meaning = "Memory that all processes of the worker may "
						   "hold together, swap "
						   "included; 0 sets no limit.",
				},
			.offset = offsetof(struct ks_policy, mem_mb),
			.read = read_number,
			.write = write_number,
			.schema = schema_number,
		},
	[FIELD_PROFILE] =
		{
			.info =
				{
					.name = "profile",
					.type = "\"WorkerStrict\" or \"WorkerNetClient\"",
					.default_text = "\"WorkerStrict\"",
					.example = "\"WorkerNetClient\"",
					.meaning = "Preset that selects the system calls, the root "
						   "file system and the socket families.",
				},
			.read = read_profile,
			.write = write_profile,
			.schema = schema_profile,
		},
	[FIELD_CPU_QUOTA_PCT] =
		{
			.info =
				{
					.name = "cpu_quota_pct",
					.type = "integer or null",
					.unit = "percent of one CPU",
					.default_text = "null",
					.example = "200",
					.minimum = 1,
					.maximum = KS_MAX_CPU_QUOTA_PCT,
					.nullable = true,
					.meaning = "CPU bandwidth of the worker at any time; null "
						   "takes the backend's default.",
				},
			.offset = offsetof(struct ks_policy, cpu_quota_pct),
			.read = read_number,
			.write = write_number,
			.schema = schema_number,
		},
	[FIELD_TASKS_MAX] =
		{
			.info =
				{
					.name = "tasks_max",
					.type = "integer or null",
					.unit = "processes and threads",
					.default_text = "null",
					.example = "64",
					.minimum = 1,
					.maximum = KS_MAX_TASKS,
					.nullable = true,
					.meaning = "Processes and threads that the worker may have "
						   "at once; null takes the backend's default.",
				},
			.offset = offsetof(struct ks_policy, tasks_max),
			.read = read_number,
			.write = write_number,
			.schema = schema_number,
		},
	[FIELD_ENV] =
		{
			.info =
				{
					.name = "env",
					.type = "array of [name, value], or object",
					.default_text = "[]",
					.example = "[[\"LANG\", \"C.UTF-8\"]]",
					.maximum = KS_MAX_ENV,
					.meaning = "The worker's whole environment: nothing of the "
						   "host's is inherited.",
				},
			.read = read_env,
			.write = write_env,
			.schema = schema_env,
		},
	[FIELD_EGRESS] =
		{
			.info =
				{
					.name = "egress",
					.type = "object of settings",
					.default_text = "{}",
					.example = "{\"connections\": 16, \"bytes\": 1000000}",
					.meaning =
						"Settings of the egress proxy, for a policy whose "
						"net is an Allowlist.",
				},
			.read = read_egress,
			.write = write_egress,
			.schema = schema_egress,
			.unwritten = policy_egress_unwritten,
		},
};

const struct policy_field_row *policy_field_row(enum policy_field field)
{
	return &rows[field];
}

const struct policy_field_info *policy_field_info(enum policy_field field)
{
	return &rows[field].info;
}

const char *policy_field_name(enum policy_field field)
{
	return rows[field].info.name;
}

int policy_field_from_name(const char *name, size_t len)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (strlen(rows[i].info.name) == len && memcmp(rows[i].info.name, name, len) == 0)
			return i;
	return -1;
}

struct phrase policy_field_list(void)
{
	struct phrase list = phrase("%s", rows[0].info.name);

	for (int i = 1; i < FIELD_COUNT; i++)
		list = phrase("%s, %s", list.text, rows[i].info.name);
	return list;
}

const char *policy_net_name(enum ks_net net)
{
	static const char *const names[] = {
		[KS_NET_DENY] = "Deny",
		[KS_NET_ALLOWLIST] = "Allowlist",
		[KS_NET_PROXY_EGRESS] = "ProxyEgress",
	};

	return (size_t)net < sizeof(names) / sizeof(names[0]) ? names[net] : NULL;
}

const char *policy_profile_name(enum ks_profile profile)
{
	static const char *const names[] = {
		[KS_PROFILE_WORKER_STRICT] = "WorkerStrict",
		[KS_PROFILE_WORKER_NET_CLIENT] = "WorkerNetClient",
	};

	return (size_t)profile < sizeof(names) / sizeof(names[0]) ? names[profile] : NULL;
}

uint64_t *policy_number(struct ks_policy *policy, enum policy_field field)
{
	return (uint64_t *)((char *)policy + rows[field].offset);
}

uint64_t policy_number_value(const struct ks_policy *policy, enum policy_field field)
{
	return *(const uint64_t *)((const char *)policy + rows[field].offset);
}
