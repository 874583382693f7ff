/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/policy.h"
#include "policy_random.h"

static void spell_space(struct chance *chance, struct strbuf *out)
{
	static const char *const spaces[] = {"", "", "", " ", "\n", "\t", "\r\n  "};

	strbuf_puts(out, spaces[chance_below(chance, sizeof(spaces) / sizeof(spaces[0]))]);
}

static void spell_string(struct chance *chance, struct strbuf *out, const char *text)
{
	strbuf_putc(out, '"');
	for (const char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;

		if (byte < 0x20 || (byte < 0x80 && chance_below(chance, 16) == 0))
			strbuf_addf(out, chance_below(chance, 2) ? "\\u%04x" : "\\u%04X", byte);
		else if (byte == '"' || byte == '\\')
			strbuf_addf(out, "\\%c", byte);
		else if (strncmp(c, "🦀", 4) == 0 && chance_below(chance, 2)) {
			strbuf_puts(out, "\\ud83E\\udd80");
			c += 3;
		} else
			strbuf_putc(out, *c);
	}
	strbuf_putc(out, '"');
	spell_space(chance, out);
}

static void spell_comma(struct chance *chance, struct strbuf *out, size_t i)
{
	if (i)
		strbuf_putc(out, ',');
	spell_space(chance, out);
}

static void spell_paths(
	struct chance *chance, struct strbuf *out, const struct policy_path *paths, size_t n)
{
	strbuf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		autostrbuf struct strbuf text;

		strbuf_init(&text, KS_MAX_TEXT);
		strbuf_addf(&text, "%s%s", paths[i].optional ? "?" : "", paths[i].path);
		spell_comma(chance, out, i);
		spell_string(chance, out, text.data);
	}
	strbuf_putc(out, ']');
}

static void spell_net(struct chance *chance, struct strbuf *out, const ks_policy *policy)
{
	if (policy->net == KS_NET_PROXY_EGRESS) {
		spell_string(chance, out, "ProxyEgress");
		return;
	}
	if (policy->net == KS_NET_DENY && chance_below(chance, 2)) {
		spell_string(chance, out, "Deny");
		return;
	}
	strbuf_putc(out, '{');
	spell_string(chance, out, "Allowlist");
	strbuf_puts(out, ":[");
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		spell_comma(chance, out, i);
		spell_string(chance, out, policy->endpoints[i].text);
	}
	strbuf_puts(out, "]}");
}

static void spell_env(struct chance *chance, struct strbuf *out, const ks_policy *policy)
{
	bool object = chance_below(chance, 2);

	strbuf_putc(out, object ? '{' : '[');
	for (size_t i = 0; i < policy->n_env; i++) {
		spell_comma(chance, out, i);
		strbuf_puts(out, object ? "" : "[");
		spell_string(chance, out, policy->env[i].name);
		strbuf_puts(out, object ? ":" : ",");
		spell_space(chance, out);
		spell_string(chance, out, policy->env[i].value);
		strbuf_puts(out, object ? "" : "]");
	}
	strbuf_putc(out, object ? '}' : ']');
}

static void spell_number(struct strbuf *out, uint64_t value)
{
	if (value == KS_POLICY_UNSET)
		strbuf_puts(out, "null");
	else
		strbuf_addf(out, "%" PRIu64, value);
}

/* In any order, and what is the default in half of all cases. */
static void spell_egress(struct chance *chance, struct strbuf *out, const struct policy_egress *of)
{
	const struct {
		const char *key;
		uint64_t value, usual;
	} numbers[] = {
		{"connections", of->connections, 256},
		{"names", of->names, 1024},
		{"bytes", of->bytes, 0},
		{"connect_ms", of->connect_ms, 30000},
		{"idle_ms", of->idle_ms, 0},
	};
	size_t turn = chance_below(chance, 6), written = 0;

	strbuf_putc(out, '{');
	for (size_t i = 0; i < 6; i++) {
		size_t number = (i + turn) % 6;
		bool sni = number == 5;

		if ((sni ? of->sni == KS_SNI_MATCH
			 : numbers[number].value == numbers[number].usual) &&
			chance_below(chance, 2))
			continue;
		spell_comma(chance, out, written++);
		spell_string(chance, out, sni ? "sni" : numbers[number].key);
		strbuf_putc(out, ':');
		spell_space(chance, out);
		if (sni)
			spell_string(chance, out, of->sni == KS_SNI_OFF ? "off" : "match");
		else
			spell_number(out, numbers[number].value);
		spell_space(chance, out);
	}
	strbuf_putc(out, '}');
}

static void spell_value(
	struct chance *chance, struct strbuf *out, const ks_policy *policy, unsigned field)
{
	switch (field) {
	case FIELD_FS_READ:
		spell_paths(chance, out, policy->fs_read, policy->n_fs_read);
		break;
	case FIELD_FS_WRITE:
		spell_paths(chance, out, policy->fs_write, policy->n_fs_write);
		break;
	case FIELD_NET:
		spell_net(chance, out, policy);
		break;
	case FIELD_CPU_MS:
		spell_number(out, policy->cpu_ms);
		break;
	case FIELD_MEM_MB:
		spell_number(out, policy->mem_mb);
		break;
	case FIELD_PROFILE:
		spell_string(chance, out, policy->profile ? "WorkerNetClient" : "WorkerStrict");
		break;
	case FIELD_CPU_QUOTA_PCT:
		spell_number(out, policy->cpu_quota_pct);
		break;
	case FIELD_TASKS_MAX:
		spell_number(out, policy->tasks_max);
		break;
	case FIELD_ENV:
		spell_env(chance, out, policy);
		break;
	case FIELD_EGRESS:
		spell_egress(chance, out, &policy->egress);
		break;
	}
}

static bool is_default(const ks_policy *policy, unsigned field)
{
	const struct policy_egress usual = {KS_SNI_MATCH, 256, 1024, 0, 30000, 0};
	const bool defaults[FIELD_COUNT] = {policy->n_fs_read == 0, policy->n_fs_write == 0,
		policy->net == KS_NET_DENY, policy->cpu_ms == 1000, policy->mem_mb == 64,
		policy->profile == KS_PROFILE_WORKER_STRICT,
		policy->cpu_quota_pct == KS_POLICY_UNSET, policy->tasks_max == KS_POLICY_UNSET,
		policy->n_env == 0, same_egress(&policy->egress, &usual)};

	return defaults[field];
}

/* The one key that may not stand in every policy. */
static bool may_spell(const ks_policy *policy, unsigned field)
{
	return field != FIELD_EGRESS || policy->net == KS_NET_ALLOWLIST;
}

void spell_policy(struct chance *chance, const ks_policy *policy, struct strbuf *out)
{
	size_t turn = chance_below(chance, FIELD_COUNT), written = 0;

	spell_space(chance, out);
	strbuf_putc(out, '{');
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		unsigned field = (unsigned)((i * 3 + turn) %
					    FIELD_COUNT); /* no multiple of 3: each once */

		if (is_default(policy, field) &&
			(chance_below(chance, 2) || !may_spell(policy, field)))
			continue;
		spell_comma(chance, out, written++);
		spell_string(chance, out, policy_keys[field]);
		strbuf_putc(out, ':');
		spell_space(chance, out);
		spell_value(chance, out, policy, field);
		spell_space(chance, out);
	}
	strbuf_putc(out, '}');
	spell_space(chance, out);
}
