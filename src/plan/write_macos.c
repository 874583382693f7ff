/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/write_macos.h"

#include <string.h>

#include "base/json.h"
#include "plan/quote.h"

void write_evidence(struct strbuf *out, const struct ks_plan *plan)
{
	if (plan->evidence)
		strbuf_addf(out, "tried     %s\n", plan->evidence);
	if (plan->image) {
		strbuf_puts(out, "image     ");
		quote_shell(out, plan->image);
		strbuf_putc(out, '\n');
	}
}

static void put_params(struct strbuf *out, const struct seatbelt_plan *seatbelt)
{
	size_t width = 0;

	for (size_t i = 0; i < seatbelt->n_params; i++)
		if (strlen(seatbelt->params[i].name) > width)
			width = strlen(seatbelt->params[i].name);
	for (size_t i = 0; i < seatbelt->n_params; i++) {
		const struct seatbelt_param *param = &seatbelt->params[i];

		strbuf_addf(out, "  %-*s  ", (int)width, param->name);
		if (param->value)
			quote_shell(out, param->value);
		else
			strbuf_addf(out, "(%s)", param->late);
		strbuf_putc(out, '\n');
	}
}

static void put_indented(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			strbuf_puts(out, "  ");
		strbuf_add(out, text, len);
		strbuf_putc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

void write_seatbelt(struct strbuf *out, const struct seatbelt_plan *seatbelt)
{
	if (!seatbelt->profile)
		return;
	strbuf_puts(out, "\nprofile, its parameters\n");
	put_params(out, seatbelt);
	strbuf_puts(out, "\nprofile, its text\n");
	put_indented(out, seatbelt->profile);
}

static json_t *seatbelt_to_json(const struct seatbelt_plan *seatbelt)
{
	json_t *params = json_array();

	for (size_t i = 0; i < seatbelt->n_params; i++) {
		const struct seatbelt_param *param = &seatbelt->params[i];
		json_t *json = json_with(json_object(), "name", json_text(param->name));

		json = json_with(json, "value", json_text_or_null(param->value));
		params = json_and(params, json_with(json, "late", json_text_or_null(param->late)));
	}
	return json_with(json_with(json_object(), "parameters", params), "text",
		json_text(seatbelt->profile));
}

json_t *write_macos_json(json_t *object, const struct ks_plan *plan)
{
	if (plan->evidence)
		object = json_with(object, "tried", json_text(plan->evidence));
	if (plan->image)
		object = json_with(object, "image", json_text(plan->image));
	if (plan->seatbelt.profile)
		object = json_with(object, "seatbelt", seatbelt_to_json(&plan->seatbelt));
	return object;
}
