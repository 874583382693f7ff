/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_random.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/policy.h"

/* Knuth's linear congruence; the high bits are the good ones. */
size_t chance_below(struct chance *chance, size_t below)
{
	chance->state = chance->state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)((chance->state >> 33) % below);
}

static void add_one_of(struct chance *chance, struct strbuf *out, const char *const *from, size_t n)
{
	strbuf_puts(out, from[chance_below(chance, n)]);
}

#define ADD_ONE_OF(chance, out, from) add_one_of(chance, out, from, sizeof(from) / sizeof(from[0]))

static void random_path(struct chance *chance, struct strbuf *out)
{
	static const char *const parts[] = {"a", "Z", "0", " ", ".", "..x", "-", "_", "\"", "\\",
		"'", "{", "]", ",", ":", "*", "?", "ü", "日本", "🦀", "\xc2\xa0", "$", "~"};

	strbuf_puts(out, chance_below(chance, 4) ? "" : "?");
	for (size_t i = chance_below(chance, 4) + 1; i > 0; i--) {
		/* The first letter keeps a component from being "." or "..". */
		strbuf_puts(out, chance_below(chance, 8) ? "/s" : "//./s");
		for (size_t j = chance_below(chance, 6); j > 0; j--)
			ADD_ONE_OF(chance, out, parts);
	}
	strbuf_puts(out, chance_below(chance, 8) ? "" : "/");
}

static void random_endpoint(struct chance *chance, struct strbuf *out)
{
	static const char *const letters[] = {"a", "b", "Q", "7", "z", "x9", "_", "a-b"};
	static const char *const addresses[] = {"127.0.0.1", "10.1.2.3", "255.255.255.255", "[::1]",
		"[2001:DB8:0::7]", "[fe80:0:0:0:1::]"};

	if (chance_below(chance, 3) == 0) {
		ADD_ONE_OF(chance, out, addresses);
	} else {
		if (chance_below(chance, 4) == 0)
			strbuf_puts(out, "*.w.");
		for (size_t i = chance_below(chance, 3); i > 0; i--) {
			ADD_ONE_OF(chance, out, letters);
			ADD_ONE_OF(chance, out, letters);
			strbuf_puts(out, ".");
		}
		strbuf_puts(out, "example");
	}
	strbuf_addf(out, ":%zu", chance_below(chance, 65535) + 1);
}

static void random_value(struct chance *chance, struct strbuf *out)
{
	static const char *const parts[] = {"a", "Z", "0", " ", "=", "\"", "\\", "/", "\n", "\r",
		"\t", "\b", "\f", "\x01", "\x1f", "\x7f", "\xc2\x80", "ü", "日本", "🦀",
		"\\u0041", "\xe2\x80\xa8", "\xef\xbf\xbf"};

	for (size_t j = chance_below(chance, 10); j > 0; j--)
		ADD_ONE_OF(chance, out, parts);
}

static void random_name(struct chance *chance, struct strbuf *out)
{
	static const char *const parts[] = {"A", "b", "_", "1", "%", ".", "\"", "\\", " ", "ß"};

	do
		ADD_ONE_OF(chance, out, parts);
	while (chance_below(chance, 4));
}

static uint64_t random_number(struct chance *chance, uint64_t least, uint64_t most)
{
	switch (chance_below(chance, 4)) {
	case 0:
		return least;
	case 1:
		return most;
	case 2:
		return least + chance_below(chance, 1000);
	}
	return least + ((uint64_t)chance_below(chance, 1u << 30) << 8) % (most - least + 1);
}

/* A text of one of the makers above; the caller's buffer is used anew. */
static const char *made(struct chance *chance, struct strbuf *room,
	void (*make)(struct chance *chance, struct strbuf *out))
{
	strbuf_done(room);
	strbuf_puts(room, "");
	make(chance, room);
	assert(room->error == 0);
	return room->data;
}

static void fill_lists(struct chance *chance, ks_policy *policy)
{
	autostrbuf struct strbuf text, value;
	int r = 0;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_init(&value, KS_MAX_TEXT);
	for (size_t i = chance_below(chance, 5); i > 0; i--)
		r |= ks_policy_add_read(policy, made(chance, &text, random_path), NULL);
	for (size_t i = chance_below(chance, 5); i > 0; i--)
		r |= ks_policy_add_write(policy, made(chance, &text, random_path), NULL);
	if (chance_below(chance, 3) == 0)
		r |= ks_policy_set_net(policy, KS_NET_PROXY_EGRESS, NULL);
	else
		for (size_t i = chance_below(chance, 5); i > 0; i--)
			r |= ks_policy_add_endpoint(
				policy, made(chance, &text, random_endpoint), NULL);
	for (size_t i = chance_below(chance, 6); i > 0; i--) {
		made(chance, &value, random_value);
		r |= ks_policy_set_env(policy, made(chance, &text, random_name), value.data, NULL);
	}
	assert(r == 0);
}

/* Only where there is a list: without one they are not written. */
static int fill_egress(struct chance *chance, ks_policy *policy)
{
	int r = 0;

	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_sni(policy, KS_SNI_OFF, NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_connections(
			policy, random_number(chance, 1, KS_MAX_EGRESS_CONNECTIONS), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_names(
			policy, random_number(chance, 1, KS_MAX_EGRESS_NAMES), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_bytes(
			policy, random_number(chance, 0, KS_MAX_EGRESS_BYTES), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_connect_ms(
			policy, random_number(chance, 1, KS_MAX_EGRESS_CONNECT_MS), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_egress_idle_ms(
			policy, random_number(chance, 0, KS_MAX_EGRESS_IDLE_MS), NULL);
	return r;
}

ks_policy *random_policy(struct chance *chance)
{
	ks_policy *policy = NULL;
	int r = ks_policy_new(&policy);

	assert(r == 0);
	fill_lists(chance, policy);
	if (chance_below(chance, 2))
		r |= ks_policy_set_cpu_ms(policy, random_number(chance, 0, KS_MAX_CPU_MS), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_mem_mb(policy, random_number(chance, 0, KS_MAX_MEM_MB), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_profile(policy, KS_PROFILE_WORKER_NET_CLIENT, NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_cpu_quota_pct(
			policy, random_number(chance, 1, KS_MAX_CPU_QUOTA_PCT), NULL);
	if (chance_below(chance, 2))
		r |= ks_policy_set_tasks_max(policy, random_number(chance, 1, KS_MAX_TASKS), NULL);
	if (policy->net == KS_NET_ALLOWLIST && chance_below(chance, 2))
		r |= fill_egress(chance, policy);
	assert(r == 0);
	return policy;
}

/* Names are spelled out here once more, so that the table is checked against something. */
const char *const policy_keys[FIELD_COUNT] = {"fs_read", "fs_write", "net", "cpu_ms", "mem_mb",
	"profile", "cpu_quota_pct", "tasks_max", "env", "egress"};

bool same_egress(const struct policy_egress *a, const struct policy_egress *b)
{
	return a->sni == b->sni && a->connections == b->connections && a->names == b->names &&
	       a->bytes == b->bytes && a->connect_ms == b->connect_ms && a->idle_ms == b->idle_ms;
}

static bool same_paths(
	const struct policy_path *a, size_t n_a, const struct policy_path *b, size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++)
		if (strcmp(a[i].path, b[i].path) != 0 || a[i].optional != b[i].optional)
			return false;
	return n_a == n_b;
}

static bool same_endpoints(const ks_policy *a, const ks_policy *b)
{
	if (a->net != b->net || a->n_endpoints != b->n_endpoints)
		return false;
	for (size_t i = 0; i < a->n_endpoints; i++)
		if (strcmp(a->endpoints[i].text, b->endpoints[i].text) != 0 ||
			strcmp(a->endpoints[i].host, b->endpoints[i].host) != 0 ||
			a->endpoints[i].port != b->endpoints[i].port)
			return false;
	return true;
}

static bool same_env(const ks_policy *a, const ks_policy *b)
{
	for (size_t i = 0; a->n_env == b->n_env && i < a->n_env; i++)
		if (strcmp(a->env[i].name, b->env[i].name) != 0 ||
			strcmp(a->env[i].value, b->env[i].value) != 0)
			return false;
	return a->n_env == b->n_env;
}

bool same_policy(const ks_policy *a, const ks_policy *b, const char **ret_field)
{
	const bool same[FIELD_COUNT] = {
		same_paths(a->fs_read, a->n_fs_read, b->fs_read, b->n_fs_read),
		same_paths(a->fs_write, a->n_fs_write, b->fs_write, b->n_fs_write),
		same_endpoints(a, b),
		a->cpu_ms == b->cpu_ms,
		a->mem_mb == b->mem_mb,
		a->profile == b->profile,
		a->cpu_quota_pct == b->cpu_quota_pct,
		a->tasks_max == b->tasks_max,
		same_env(a, b),
		same_egress(&a->egress, &b->egress),
	};

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!same[i]) {
			*ret_field = policy_keys[i];
			return false;
		}
	}
	return true;
}
