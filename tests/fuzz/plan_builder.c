/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_builder.h"

#include <stdio.h>
#include <string.h>

static const char *const segments[] = {"a", "b", "A", "usr", "etc", "tmp", "var", "home", "dev",
	"proc", "sys", "private", "Users", "lib", "bin", "shm", "a b", "a'b", "a\"b", "a=b", "a,b",
	"(a)", "a.", "..a", "\xc3\xa4", "\xff", "*", "$A", "passwd", "kastellan", "run", "ssl"};

uint8_t source_byte(struct source *source)
{
	if (!source->len)
		return 0;
	source->len--;
	return *source->bytes++;
}

static void build_path(struct source *source, char path[256])
{
	unsigned depth = 1 + source_byte(source) % 5;
	size_t len = 0;

	if (source_byte(source) % 16 == 0)
		path[len++] = '?';
	for (unsigned i = 0; i < depth; i++) {
		uint8_t byte = source_byte(source);
		const char *segment = segments[byte % (sizeof(segments) / sizeof(segments[0]))];

		len += (size_t)snprintf(path + len, 256 - len, "/%s", segment);
	}
	path[len] = '\0';
}

static void build_endpoint(struct source *source, ks_policy *policy)
{
	static const char *const hosts[] = {"example.com", "*.example.com", "127.0.0.1", "[::1]",
		"10.0.0.1", "xn--bcher-kva.example", "EXAMPLE.org", "169.254.169.254"};
	char endpoint[64];

	snprintf(endpoint, sizeof(endpoint), "%s:%u", hosts[source_byte(source) % 8],
		1 + source_byte(source) * 256u + source_byte(source));
	ks_policy_add_endpoint(policy, endpoint, NULL);
}

static void build_variable(struct source *source, ks_policy *policy)
{
	static const char *const names[] = {
		"A", "PATH", "TMPDIR", "LD_PRELOAD", "HOME", "HTTP_PROXY"};
	static const char *const values[] = {"", "1", "a b", "/tmp", "x\"y", "line\nline", "\xff"};

	ks_policy_set_env(
		policy, names[source_byte(source) % 6], values[source_byte(source) % 7], NULL);
}

static void build_limit(struct source *source, ks_policy *policy)
{
	uint8_t which = source_byte(source);
	uint64_t amount = source_byte(source) * 37u;

	switch (which % 5) {
	case 0:
		ks_policy_set_mem_mb(policy, amount, NULL);
		break;
	case 1:
		ks_policy_set_cpu_ms(policy, amount, NULL);
		break;
	case 2:
		ks_policy_set_tasks_max(policy, amount, NULL);
		break;
	case 3:
		ks_policy_set_cpu_quota_pct(policy, amount, NULL);
		break;
	default:
		ks_policy_set_profile(policy,
			amount % 2 ? KS_PROFILE_WORKER_STRICT : KS_PROFILE_WORKER_NET_CLIENT, NULL);
	}
}

ks_policy *build_policy(struct source *source)
{
	ks_policy *policy = NULL;
	char path[256];

	if (ks_policy_new(&policy) < 0)
		return NULL;
	while (source->len) {
		switch (source_byte(source) % 8) {
		case 0:
		case 1:
		case 2:
			build_path(source, path);
			ks_policy_add_read(policy, path, NULL);
			break;
		case 3:
		case 4:
			build_path(source, path);
			ks_policy_add_write(policy, path, NULL);
			break;
		case 5:
			build_endpoint(source, policy);
			break;
		case 6:
			build_variable(source, policy);
			break;
		default:
			build_limit(source, policy);
			if (source_byte(source) % 32 == 0)
				ks_policy_set_net(policy, KS_NET_PROXY_EGRESS, NULL);
		}
	}
	return policy;
}
