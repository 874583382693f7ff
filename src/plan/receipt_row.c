/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/receipt_row.h"

#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "plan/receipt.h"
#include "policy/egress.h"
#include "policy/fields.h"

#define MAX_NAMES 4 /* of a list, before "and N more" */

char *receipt_format(const char *format, ...)
{
	autostrbuf struct strbuf text;
	char *result = NULL;
	va_list args;

	strbuf_init(&text, KS_MAX_TEXT);
	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	return strbuf_take(&text, &result, NULL) < 0 ? NULL : result;
}

void receipt_text_init(struct receipt_text *text)
{
	strbuf_init(&text->request, KS_MAX_TEXT);
	strbuf_init(&text->mechanism, KS_MAX_TEXT);
	strbuf_init(&text->detail, KS_MAX_TEXT);
}

void receipt_text_done(struct receipt_text *text)
{
	strbuf_done(&text->request);
	strbuf_done(&text->mechanism);
	strbuf_done(&text->detail);
}

int receipt_row(struct ks_plan *plan, enum policy_field field, struct receipt_text *text,
	enum receipt_verdict verdict, const char *remedy)
{
	if (text->request.error || text->mechanism.error || text->detail.error)
		return -ENOMEM;
	return receipt_say(&plan->receipt, field,
		SAYS(.verdict = verdict, .request = text->request.data,
			.mechanism = text->mechanism.data, .detail = text->detail.data,
			.remedy = remedy));
}

bool receipt_next(struct strbuf *list, size_t index, size_t total)
{
	if (index > 0)
		strbuf_puts(list, ", ");
	if (index < MAX_NAMES)
		return true;
	strbuf_addf(list, "%zu more", total - index);
	return false;
}

static bool is_absent(const struct ks_plan *plan, const struct policy_path *path)
{
	for (size_t i = 0; path->optional && i < plan->grants.absent.len; i++)
		if (strcmp(plan->grants.absent.items[i], path->path) == 0)
			return true;
	return false;
}

void receipt_paths(struct strbuf *text, const struct ks_plan *plan, const struct policy_path *paths,
	size_t n_paths)
{
	if (n_paths == 0)
		strbuf_puts(text, "none");
	for (size_t i = 0; i < n_paths && receipt_next(text, i, n_paths); i++)
		strbuf_addf(
			text, "%s%s", paths[i].path, is_absent(plan, &paths[i]) ? " (absent)" : "");
}

void receipt_net(struct strbuf *text, const struct ks_policy *policy)
{
	if (policy->net != KS_NET_ALLOWLIST) {
		strbuf_puts(text, policy_net_name(policy->net));
		return;
	}
	strbuf_puts(text, "only ");
	for (size_t i = 0; i < policy->n_endpoints && receipt_next(text, i, policy->n_endpoints);
		i++)
		strbuf_puts(text, policy->endpoints[i].text);
}

void receipt_env(struct strbuf *text, const struct ks_policy *policy)
{
	if (policy->n_env == 0)
		strbuf_puts(text, "none");
	for (size_t i = 0; i < policy->n_env && receipt_next(text, i, policy->n_env); i++)
		strbuf_puts(text, policy->env[i].name);
}

int receipt_own_env(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_env(&text.request, plan->policy);
	strbuf_puts(&text.mechanism, "cleared, then exactly these");
	if (!plan->temporary_named && plan->network != NETWORK_DOOR)
		return receipt_row(plan, FIELD_ENV, &text, RECEIPT_HELD, NULL);
	if (plan->temporary_named)
		strbuf_puts(&text.detail,
			"TMPDIR is added: it names the private directory for temporary files; a "
			"TMPDIR of the policy takes its place");
	if (plan->network == NETWORK_DOOR)
		strbuf_addf(&text.detail, "%s" RECEIPT_DOOR, plan->temporary_named ? "; " : "");
	return receipt_row(plan, FIELD_ENV, &text, RECEIPT_CLAMPED, NULL);
}

/* What is one worker's own is told apart from what is not. */
#define RECEIPT_SHARED_PROXY                                                                    \
	", one process for all workers of a pool: rules, names, limits, counts and audit are "  \
	"this "                                                                                 \
	"worker's own; the process, its memory limit, its processor time and its resolver are " \
	"shared"

int receipt_egress(struct ks_plan *plan)
{
	const struct receipt_row *net = &plan->receipt.rows[FIELD_NET];
	autorow struct receipt_text text;

	receipt_text_init(&text);
	if (!policy_egress_used(plan->policy))
		return receipt_say(&plan->receipt, FIELD_EGRESS,
			SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no proxy",
				.mechanism = "none"));
	policy_egress_say(&text.request, &plan->policy->egress);
	strbuf_puts(&text.mechanism, net->verdict == RECEIPT_ABSENT ? "none" : "egress proxy");
	if (plan->shared_proxy && net->verdict != RECEIPT_ABSENT)
		strbuf_puts(&text.mechanism, RECEIPT_SHARED_PROXY);
	if (net->detail)
		strbuf_puts(&text.detail, net->detail);
	return receipt_row(plan, FIELD_EGRESS, &text, net->verdict, net->remedy);
}
