/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt: one row a policy field. It is computed before anything starts, and it is what
 * decides whether anything does. */
#include "plan/receipt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/bounds.h"
#include "policy/fields.h"

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static void row_done(struct receipt_row *row)
{
	free(row->request);
	free(row->mechanism);
	free(row->detail);
	free(row->remedy);
	*row = (struct receipt_row){.field = row->field};
}

int receipt_say(struct receipt *receipt, enum policy_field field, const struct receipt_says *says)
{
	struct receipt_row row = {
		.field = field,
		.verdict = says->verdict,
		.requested = !says->nothing_asked,
	};

	if (copy_text(says->request, &row.request) < 0 ||
		copy_text(says->mechanism, &row.mechanism) < 0 ||
		copy_text(says->detail, &row.detail) < 0 ||
		copy_text(says->remedy, &row.remedy) < 0) {
		row_done(&row);
		return -ENOMEM;
	}
	row_done(&receipt->rows[field]);
	receipt->rows[field] = row;
	return 0;
}

void receipt_done(struct receipt *receipt)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		row_done(&receipt->rows[i]);
}

const char *receipt_verdict_name(enum receipt_verdict verdict)
{
	switch (verdict) {
	case RECEIPT_HELD:
		return "held";
	case RECEIPT_CLAMPED:
		return "clamped";
	case RECEIPT_DEGRADED:
		return "degraded";
	case RECEIPT_ABSENT:
		return "absent";
	}
	return "absent";
}

static bool row_refused(const struct receipt_row *row, unsigned allowed)
{
	return row->requested && row->verdict != RECEIPT_HELD && row->verdict != RECEIPT_CLAMPED &&
	       !(allowed & 1u << row->field);
}

/* Every field that has to be allowed goes into one list, so that one run tells them all. */
static int refused_names(const struct receipt *receipt, unsigned allowed, char **ret_names)
{
	autostrbuf struct strbuf names;

	strbuf_init(&names, KS_MAX_TEXT);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!row_refused(&receipt->rows[i], allowed))
			continue;
		if (names.len)
			strbuf_putc(&names, ',');
		strbuf_puts(&names, policy_field_name(receipt->rows[i].field));
	}
	return strbuf_take(&names, ret_names, NULL);
}

static int refuse(const struct receipt *receipt, const struct receipt_row *row, unsigned allowed,
	ks_error **reterr)
{
	const char *name = policy_field_name(row->field);
	autostrbuf struct strbuf remedy;
	autofree char *names = NULL;
	autofree char *text = NULL;

	strbuf_init(&remedy, KS_MAX_TEXT);
	if (refused_names(receipt, allowed, &names) < 0)
		return error_oom(reterr);
	if (row->remedy)
		strbuf_addf(&remedy, "%s; or ", row->remedy);
	strbuf_addf(&remedy, "accept it by name: --allow-degraded %s", names);
	if (strbuf_take(&remedy, &text, NULL) < 0)
		return error_oom(reterr);
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "receipt", .field = name, .remedy = text), "%s (%s) is %s here: %s",
		name, row->request ? row->request : "default", receipt_verdict_name(row->verdict),
		row->detail ? row->detail : "nothing enforces it");
}

int receipt_check(const struct receipt *receipt, unsigned allowed, ks_error **reterr)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (row_refused(&receipt->rows[i], allowed))
			return refuse(receipt, &receipt->rows[i], allowed, reterr);
	return 0;
}
