/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/write.h"

#include <inttypes.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/egress.h"

/* Escapes what JSON demands and nothing else; other characters stay as they are. */
static void write_chars(struct strbuf *out, const char *text)
{
	static const char shorthand[][2] = {
		{'"', '"'},
		{'\\', '\\'},
		{'\b', 'b'},
		{'\f', 'f'},
		{'\n', 'n'},
		{'\r', 'r'},
		{'\t', 't'},
	};

	for (const char *c = text; *c; c++) {
		const char *mark = NULL;

		for (size_t i = 0; i < sizeof(shorthand) / sizeof(shorthand[0]); i++)
			if (shorthand[i][0] == *c)
				mark = &shorthand[i][1];
		if (mark)
			strbuf_addf(out, "\\%c", *mark);
		else if ((unsigned char)*c < 0x20)
			strbuf_addf(out, "\\u%04x", (unsigned char)*c);
		else
			strbuf_putc(out, *c);
	}
}

static void write_string(struct strbuf *out, const char *before, const char *text)
{
	strbuf_putc(out, '"');
	strbuf_puts(out, before);
	write_chars(out, text);
	strbuf_putc(out, '"');
}

static void write_line(struct strbuf *out, unsigned level)
{
	strbuf_addf(out, "\n%*s", (int)(2 * level), "");
}

/* What stands before entry i of a list at that level. */
static void write_next(struct strbuf *out, size_t i, unsigned level)
{
	strbuf_puts(out, i ? "," : "[");
	write_line(out, level);
}

static void write_end(struct strbuf *out, size_t count, unsigned level)
{
	if (count == 0) {
		strbuf_puts(out, "[]");
		return;
	}
	write_line(out, level);
	strbuf_putc(out, ']');
}

void write_paths(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	bool writes = field == FIELD_FS_WRITE;
	const struct policy_path *paths = writes ? policy->fs_write : policy->fs_read;
	size_t count = writes ? policy->n_fs_write : policy->n_fs_read;

	for (size_t i = 0; i < count; i++) {
		write_next(out, i, 2);
		write_string(out, paths[i].optional ? "?" : "", paths[i].path);
	}
	write_end(out, count, 1);
}

void write_net(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	(void)field;
	if (policy->net != KS_NET_ALLOWLIST || policy->n_endpoints == 0) {
		bool proxy = policy->net == KS_NET_PROXY_EGRESS;

		write_string(out, "", policy_net_name(proxy ? KS_NET_PROXY_EGRESS : KS_NET_DENY));
		return;
	}
	strbuf_putc(out, '{');
	write_line(out, 2);
	write_string(out, "", policy_net_name(KS_NET_ALLOWLIST));
	strbuf_puts(out, ": ");
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		write_next(out, i, 3);
		write_string(out, "", policy->endpoints[i].text);
	}
	write_end(out, policy->n_endpoints, 2);
	write_line(out, 1);
	strbuf_putc(out, '}');
}

void write_number(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	uint64_t value = policy_number_value(policy, field);

	if (value == KS_POLICY_UNSET)
		strbuf_puts(out, "null");
	else
		strbuf_addf(out, "%" PRIu64, value);
}

void write_profile(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	(void)field;
	write_string(out, "", policy_profile_name(policy->profile));
}

void write_env(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	(void)field;
	for (size_t i = 0; i < policy->n_env; i++) {
		write_next(out, i, 2);
		write_next(out, 0, 3);
		write_string(out, "", policy->env[i].name);
		write_next(out, 1, 3);
		write_string(out, "", policy->env[i].value);
		write_end(out, 2, 2);
	}
	write_end(out, policy->n_env, 1);
}

void write_egress(struct strbuf *out, const struct ks_policy *policy, enum policy_field field)
{
	(void)field;
	for (int setting = 0; setting < SETTING_COUNT; setting++) {
		strbuf_putc(out, setting ? ',' : '{');
		write_line(out, 2);
		write_string(out, "", policy_egress_key(setting));
		strbuf_puts(out, ": ");
		if (policy_egress_info(setting)->unit)
			strbuf_addf(out, "%" PRIu64, policy_egress_value(&policy->egress, setting));
		else
			write_string(out, "", policy_sni_name(policy->egress.sni));
	}
	write_line(out, 1);
	strbuf_putc(out, '}');
}

int policy_write(const struct ks_policy *policy, char **ret_text)
{
	autostrbuf struct strbuf out;

	strbuf_init(&out, KS_MAX_TEXT);
	for (int field = 0; field < FIELD_COUNT; field++) {
		const struct policy_field_row *row = policy_field_row(field);

		if (row->unwritten && row->unwritten(policy))
			continue;
		strbuf_puts(&out, field ? ",\n  " : "{\n  ");
		write_string(&out, "", row->info.name);
		strbuf_puts(&out, ": ");
		row->write(&out, policy, field);
	}
	strbuf_puts(&out, "\n}\n");
	return strbuf_take(&out, ret_text, NULL);
}
